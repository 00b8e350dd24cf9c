"""The least that functions-framework can serve: an ASGI function that reads its body and says hello."""

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import JSONResponse


@functions_framework.aio.http
async def hello(request: Request) -> JSONResponse:
    await request.body()
    return JSONResponse({"hello": "world"})
