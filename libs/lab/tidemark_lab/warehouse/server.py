"""The HTTP side: fakesnow's routes, a health page at `/`, and no answer that the connector would retry for ever."""

import json
import logging

import fakesnow.server
import uvicorn
from fakesnow.conn import FakeSnowflakeConnection
from fakesnow.instance import FakeSnow
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tidemark_lab.warehouse.locks import Locks
from tidemark_lab.warehouse.transactions import close_session

LOGIN_PATH = "/session/v1/login-request"
QUERY_PATH = "/queries/v1/query-request"


class Sessions(dict[str, FakeSnowflakeConnection]):
    """The open sessions by token. Quirk: a session that says goodbye leaves its transaction and locks behind."""

    def __init__(self, locks: Locks) -> None:
        super().__init__()
        self._locks = locks

    def __delitem__(self, token: str) -> None:
        close_session(self._locks, self[token])
        super().__delitem__(token)


def application(engine: FakeSnow, locks: Locks) -> Starlette:
    fakesnow.server.shared_fs = engine
    fakesnow.server.sessions = Sessions(locks)
    mended = [
        Route("/", health),
        Route(LOGIN_PATH, login, methods=["POST"]),
        Route(QUERY_PATH, query, methods=["POST"]),
    ]
    others = [route for route in fakesnow.server.routes if route.path not in (LOGIN_PATH, QUERY_PATH)]
    return Starlette(routes=[*mended, *others])


async def health(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok\n")


async def login(request: Request) -> Response:
    """Quirk: without a master token the connector never says goodbye when it closes a session."""
    response = await fakesnow.server.login_request(request)
    answer = json.loads(bytes(response.body))
    answer["data"]["masterToken"] = answer["data"]["token"]
    return JSONResponse(answer)


async def query(request: Request) -> Response:
    """Quirk: what fails after the statement itself (a result of an unknown type) is HTTP 500; here an SQL error."""
    response: Response = await fakesnow.server.query_request(request)
    if response.status_code != 500:
        return response
    answer = json.loads(bytes(response.body))
    answer["data"] = {"errorCode": answer["code"], "sqlState": "0A000"}
    return JSONResponse(answer)


def serve(engine: FakeSnow, locks: Locks, port: int) -> None:
    fakesnow.server.logger.setLevel(logging.CRITICAL)  # it logs every statement
    uvicorn.run(application(engine, locks), host="127.0.0.1", port=port, log_level="warning", access_log=False)
