#!/usr/bin/env python3
"""A mail server for tests. It wants STARTTLS and a login, keeps every letter, and fails as it is told.

    smtp_sink.py FOLDER --cert PEM --key PEM --user NAME

The password comes in SINK_PASSWORD. The server writes FOLDER/port once it listens, and each letter as
FOLDER/letters/0001.eml with what the envelope said in 0001.json. FOLDER/behaviour.json, read again at
every command, tells how to fail:

    {"id": 3, "at": "RCPT", "do": "answer", "answer": "451 4.3.0 later", "seconds": 0, "times": 2}

at     AUTH, MAIL, RCPT or DATA (when the letter is complete)
do     answer: say that; hang: wait so many seconds, then go on; cut: close the connection;
       store-and-cut: keep the letter, then close the connection (DATA only);
       store-and-hang: keep the letter, then wait so many seconds before saying so (DATA only)
times  after so many failures behave well again; null: never
id     changes with every new order, so that times is counted anew
"""

import argparse
import asyncio
import json
import os
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Orders:
    """How to fail, as the test says at the moment."""

    def __init__(self, path):
        self.path = path
        self.id = None
        self.done = 0

    def at(self, command):
        """The order for this command, or None to behave well."""
        try:
            order = json.loads(self.path.read_text())
        except FileNotFoundError:
            return None
        if order["id"] != self.id:
            self.id, self.done = order["id"], 0
        if order["at"] != command:
            return None
        if order["times"] is not None and self.done >= order["times"]:
            return None
        self.done += 1
        return order


class Sink:
    """Answers the commands of one connection after the other, and keeps the letters."""

    def __init__(self, folder):
        self.orders = Orders(folder / "behaviour.json")
        self.letters = folder / "letters"
        self.letters.mkdir(exist_ok=True)
        self.count = len(list(self.letters.glob("*.json")))

    async def obey(self, command, server):
        """What the order has us say, or None."""
        return await self.carry_out(self.orders.at(command), server)

    async def carry_out(self, order, server):
        if order is None:
            return None
        if order["do"] == "answer":
            return order["answer"]
        if order["do"] == "hang":
            await asyncio.sleep(order["seconds"])
            return None
        if order["do"] == "cut":
            server.transport.abort()
            return "421 gone"
        return order["do"]

    async def handle_MAIL(self, server, session, envelope, address, options):
        answer = await self.obey("MAIL", server)
        if answer is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer or "250 2.1.0 ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = await self.obey("RCPT", server)
        if answer is None:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return answer or "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        order = self.orders.at("DATA")
        if order is not None and order["do"] == "store-and-hang":
            self.keep(session, envelope)
            await asyncio.sleep(order["seconds"])
            return f"250 2.0.0 kept as {self.count:04}"
        answer = await self.carry_out(order, server)
        if answer not in (None, "store-and-cut"):
            return answer
        self.keep(session, envelope)
        if answer == "store-and-cut":
            server.transport.abort()
            return "421 gone"
        return f"250 2.0.0 kept as {self.count:04}"

    def keep(self, session, envelope):
        self.count += 1
        name = f"{self.count:04}"
        (self.letters / f"{name}.eml").write_bytes(envelope.content)
        facts = {
            "mail_from": envelope.mail_from,
            "rcpt_tos": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "authenticated": bool(session.authenticated),
        }
        # The second file says that the first is whole; it appears in one step.
        half = self.letters / f"{name}.half"
        half.write_text(json.dumps(facts))
        half.rename(self.letters / f"{name}.json")


def authenticator(sink, user, password):
    """Checks a login. A refusal is not `handled`, else aiosmtpd would send no answer at all."""

    def check(server, session, envelope, mechanism, data):
        order = sink.orders.at("AUTH")
        if order is not None:
            return AuthResult(success=False, handled=False, message=order["answer"])
        expected = LoginPassword(user.encode(), password.encode())
        return AuthResult(success=data == expected, handled=data == expected)

    return check


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--user", required=True)
    arguments = parser.parse_args()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(arguments.cert, arguments.key)
    sink = Sink(arguments.folder)
    check = authenticator(sink, arguments.user, os.environ["SINK_PASSWORD"])

    def connection():
        return SMTP(
            sink,
            hostname="sink.test",
            tls_context=tls,
            require_starttls=True,
            authenticator=check,
            auth_required=True,
            enable_SMTPUTF8=True,
        )

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    half = arguments.folder / "port.half"
    half.write_text(str(server.sockets[0].getsockname()[1]))
    half.rename(arguments.folder / "port")
    await server.serve_forever()


asyncio.run(main())
