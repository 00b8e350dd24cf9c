"""The generators: requests as they go out, answers as they are read, and the times between."""

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts.local.layout import ROOT
from scripts.measuring import usage
from scripts.measuring.load import requests, timing
from scripts.measuring.load.http import is_whole
from scripts.measuring.load.plan import Plan
from scripts.measuring.load.telling_apart import cohen
from scripts.measuring.population import Person, Population, Senders
from scripts.measuring.sustained import flat

UUID7 = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_a_request_differs_in_its_id_alone() -> None:
    one = requests.render("POST", "/v1/send", {"Authorization": "Bearer t"}, f'{{"id":"{requests.GAP}"}}')
    next_one = requests.stream([one])
    sent = [next_one() for _ in range(3)]
    ids = {match[0] for text in sent for match in UUID7.finditer(text)}
    assert len(ids) == 3
    assert len({UUID7.sub(b"", text) for text in sent}) == 1
    head, _, body = sent[0].partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body)["id"].encode() in ids


def test_a_request_without_a_gap_is_always_the_same() -> None:
    next_one = requests.stream([requests.render("GET", "/", {}, "")])
    assert next_one() == next_one()


def test_requests_take_turns_and_survive_the_file(tmp_path: Path) -> None:
    made = [requests.render("POST", f"/{number}", {}, requests.GAP) for number in range(3)]
    requests.write(tmp_path / "requests.json", made)
    next_one = requests.stream(requests.read(str(tmp_path / "requests.json")))
    assert {next_one().split()[1] for _ in range(3)} == {b"/0", b"/1", b"/2"}


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ncontent-le", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", True),
    ],
)
def test_an_answer_is_read_to_its_end(answer: bytes, whole: bool) -> None:  # noqa: FBT001
    assert is_whole(answer) is whole


def test_percentiles_are_by_nearest_rank() -> None:
    values = list(range(1, 101))
    assert [timing.percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert timing.percentile([7], 0.99) == 7
    assert timing.spread([1_000_000, 3_000_000], "sql")["sql_p50_ms"] == 2.0
    assert timing.spread([]) == {}


def test_what_is_outside_of_the_measured_part_is_left_out() -> None:
    run = timing.Timing()
    run.note(1)
    run.begin()
    run.note(2)
    run.end()
    run.note(3)
    assert run.latencies == [2]


def test_load_is_measured_against_a_server(tmp_path: Path) -> None:
    """The generator in its own process, as the harness runs it."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200 if self.path == "/good" else 500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        good, bad = (_load(tmp_path, server.server_port, path) for path in ("/good", "/bad"))
    finally:
        server.shutdown()
        server.server_close()
    assert good["figures"]["count"] > 0
    assert good["figures"]["errors"] == 0
    assert 0 < good["figures"]["p50_ms"] <= good["figures"]["p99_ms"]
    assert bad["figures"]["count"] == 0
    assert bad["figures"]["errors"] > 0
    assert "500" in bad["samples"][0]


def _load(folder: Path, port: int, path: str) -> dict[str, Any]:
    requests.write(folder / "requests.json", [requests.render("POST", path, {}, "{}")])
    sent = str(folder / "requests.json")
    Plan(clients=1, seconds=0.3, warm_up=0.1, requests=sent, port=port).write(folder / "plan.json")
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-m", "scripts.measuring.load.http", str(folder / "plan.json")],
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}"},
    )
    begin, end, told = done.stdout.splitlines()
    assert (begin, end) == (timing.BEGIN, timing.END)
    found: dict[str, Any] = json.loads(told)
    return found


SPIN = "import time\nwhile time.process_time() < 0.3: pass"
CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {}])"
ELSEWHERE = {
    "in a child": CHILD.format(repr(f"{SPIN}\nprint(flush=True); input()")),
    "in a child that has ended": CHILD.format(repr(SPIN)),
    "in a thread that has ended": f"import threading; one = threading.Thread(target=exec, args=[{SPIN!r}]); one.start(); one.join()",
}


@pytest.mark.skipif(not usage.ON_LINUX, reason="ps tells nothing of what has ended")
@pytest.mark.parametrize("where", ELSEWHERE)
def test_what_a_process_had_done_elsewhere_counts(where: str) -> None:
    """By the backend of a connection that was closed meanwhile, say, or by a thread of a pool."""
    code = f"{ELSEWHERE[where]}\nprint(flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as process:  # noqa: S603 - our own
        try:
            assert process.stdout is not None
            process.stdout.readline()
            assert 0.25 <= usage.cpu_of(process.pid) < 0.6
            memory = usage.memory_of(process.pid)
        finally:
            process.kill()
    assert memory > (8 if where == "in a child" else 2)


def test_a_process_that_is_gone_uses_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert usage.cpu_of(process.pid) == usage.memory_of(process.pid) == 0


def test_the_effect_size_is_in_standard_deviations() -> None:
    assert cohen([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) == 0
    assert cohen([3.0, 4.0, 5.0], [1.0, 2.0, 3.0]) == 2


def test_flat_memory_has_no_slope_in_its_second_half() -> None:
    minutes = [float(number) for number in range(6)]
    assert flat(minutes, [1.0, 5.0, 9.0, 10.0, 10.0, 10.0])["per_minute_mib"] == 0
    assert flat(minutes, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])["per_minute_mib"] == pytest.approx(1)


def test_senders_come_from_all_over_a_population(tmp_path: Path) -> None:
    senders = Senders(Population(1_000_000), tmp_path, tmp_path, "http://127.0.0.1:1", count=4)
    assert [one.number for one in senders.people()] == [0, 250_000, 500_000, 750_000]
    few = Senders(Population(3), tmp_path, tmp_path, "http://127.0.0.1:1")
    assert [one.number for one in few.people()] == [0, 1, 2]
    assert few.population.other(Person(2)) == Person(0)


def test_a_process_that_ends_while_it_is_looked_at_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "glob", gone)

    assert usage.cpu_of(os.getpid()) > 0
