# Sourced by scripts/run and scripts/test: sets $python to a Python >= 3.11 that can make virtual environments.
# PYTHON names one to take; otherwise the newest of the PATH is taken.

case $(uname -s) in
MINGW* | MSYS* | CYGWIN*)
    echo "Sealpost runs on Linux and macOS. On Windows use WSL: 'wsl --install', then this command in its terminal." >&2
    exit 1
    ;;
esac

python= python_without_venv=
for candidate in ${PYTHON:+"$PYTHON"} python3.14 python3.13 python3.12 python3.11 python3; do
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
        python=$candidate
        break
    fi
    python_without_venv=${python_without_venv:-$candidate}
done

if [ -z "$python" ] && [ -n "$python_without_venv" ]; then
    version=$("$python_without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$python_without_venv is Python $version without its venv module." >&2
    echo "Debian and Ubuntu: apt-get install python$version-venv. Elsewhere: a Python from python.org has it." >&2
    exit 1
elif [ -z "$python" ]; then
    echo "Sealpost needs Python 3.11 or later; this machine has $(python3 --version 2>/dev/null || echo none)." >&2
    echo "Debian and Ubuntu: apt-get install python3 python3-venv. macOS: brew install python. Or python.org." >&2
    echo "If it is not on the PATH, name it: PYTHON=/path/to/python3 $0" >&2
    exit 1
fi
