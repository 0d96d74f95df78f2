"""A call centre of a hundred lines to test the load generator: agents in turn, RTP relayed as it is."""

from __future__ import annotations

import hashlib
import re
import secrets
import select
import socket
import threading
from dataclasses import dataclass, field

from marhaba.cli.load_sip import Fields, audio_in, read, request, response, sdp, uri_in, user_in

REALM = "marhaba"
PASSWORD = "a long word"


@dataclass
class FakeCentre:
    """Refuses every `refuse_every`-th call; relays audio unless `deaf`."""

    refuse_every: int = 0
    deaf: bool = False
    host: str = "127.0.0.1"
    registered: dict[str, tuple[str, tuple[str, int]]] = field(default_factory=dict)
    calls: int = 0
    invites_unregistered: int = 0

    def __enter__(self) -> FakeCentre:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((self.host, 0))
        self.port = self.sock.getsockname()[1]
        self.free: list[str] = []
        self.pairs: dict[str, dict] = {}
        self.nonces: dict[str, str] = {}
        self.relays: dict[int, tuple[socket.socket, list]] = {}
        self.ending = False
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending = True
        self.thread.join()
        self.sock.close()
        for sock, _ in self.relays.values():
            sock.close()

    def _run(self) -> None:
        while not self.ending:
            sources = [self.sock, *(sock for sock, _ in self.relays.values())]
            for sock in select.select(sources, [], [], 0.05)[0]:
                data, source = sock.recvfrom(65535)
                if sock is self.sock:
                    self._sip(data, source)
                else:
                    self._relay(sock, data)

    def _relay(self, sock: socket.socket, data: bytes) -> None:
        _, other = self.relays[sock.getsockname()[1]]
        if other and not self.deaf:
            out, target = other
            out.sendto(data, target)

    def _sip(self, data: bytes, source: tuple[str, int]) -> None:
        fields = read(data)
        assert fields is not None, data
        if fields.method == "REGISTER":
            self._register(fields, data, source)
        elif fields.status:
            self._response(fields)
        elif fields.method == "INVITE":
            self._invite(fields, source)
        elif fields.method == "BYE":
            self._bye(fields, source)

    def _register(self, fields: Fields, data: bytes, source: tuple[str, int]) -> None:
        user = user_in(fields.from_)
        given = re.search(rb"Authorization: Digest (.*)\r\n", data)
        if not given:
            nonce = self.nonces[fields.call_id] = secrets.token_hex(8)
            lines = "".join(
                f'WWW-Authenticate: Digest realm="{REALM}", nonce="{nonce}", algorithm={name}, qop="auth"\r\n'
                for name in ("SHA-256", "MD5")
            )
            answer = response(fields, "401 Unauthorized", tag="fake").decode()
            self.sock.sendto(answer.replace("Content-Length", lines + "Content-Length").encode(), source)
            return
        p = dict(re.findall(r'(\w+)="?([^",]+)"?', given[1].decode()))
        ha1 = hashlib.sha256(f"{user}:{REALM}:{PASSWORD}".encode()).hexdigest()
        ha2 = hashlib.sha256(f"REGISTER:{p['uri']}".encode()).hexdigest()
        whole = f"{ha1}:{self.nonces[fields.call_id]}:{p['nc']}:{p['cnonce']}:auth:{ha2}"
        good = p["response"] == hashlib.sha256(whole.encode()).hexdigest() and p["algorithm"] == "SHA-256"
        if good:
            self.registered[user] = (fields.contact, source)
            self.free.append(user)
        self.sock.sendto(response(fields, "200 OK" if good else "403 Forbidden", tag="fake"), source)

    def _invite(self, fields: Fields, source: tuple[str, int]) -> None:
        self.calls += 1
        if (self.refuse_every and self.calls % self.refuse_every == 0) or not self.free:
            self.sock.sendto(response(fields, "503 Service Unavailable", tag="no"), source)
            return
        user = self.free.pop(0)
        contact, agent = self.registered[user]
        ports = []
        for _ in range(2):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((self.host, 0))
            ports.append(sock.getsockname()[1])
            self.relays[ports[-1]] = (sock, [])
        self.relays[ports[1]][1].extend([self.relays[ports[0]][0], audio_in(fields.body)])
        leg = secrets.token_hex(8)
        pair = {"caller": source, "agent": agent, "invite": fields, "ports": ports, "user": user, "leg": leg}
        pair |= {"tag": secrets.token_hex(4), "from": f"<sip:{user_in(fields.from_)}@x>;tag={leg}"}
        self.pairs[fields.call_id] = self.pairs[leg] = pair
        self.sock.sendto(response(fields, "100 Trying"), source)
        self._ask(pair, "INVITE", contact, f"<sip:{user}@x>", sdp(self.host, ports[1], 1))

    def _ask(self, pair: dict, method: str, target: str, to: str, body: str = "") -> None:
        cseq = 2 if method == "BYE" else 1
        via = f"{self.host}:{self.port};branch=z9hG4bK{secrets.token_hex(4)}"
        data = request(
            method, target, via=via, from_=pair["from"], to=to, call_id=pair["leg"], cseq=cseq,
            contact=f"sip:c@{self.host}:{self.port}", body=body,
        )  # fmt: skip
        self.sock.sendto(data, pair["agent"])

    def _response(self, fields: Fields) -> None:
        pair = self.pairs[fields.call_id]
        if fields.method == "INVITE" and fields.status == 200 and "to" not in pair:
            pair["to"], pair["target"] = fields.to, fields.contact
            self._ask(pair, "ACK", fields.contact, fields.to)
            inbound, outbound = pair["ports"]
            self.relays[inbound][1].extend([self.relays[outbound][0], audio_in(fields.body)])
            contact = f"sip:c@{self.host}:{self.port}"
            body = sdp(self.host, inbound, 1)
            answer = response(pair["invite"], "200 OK", tag=pair["tag"], contact=contact, body=body)
            self.sock.sendto(answer, pair["caller"])
        elif fields.method == "BYE" and fields.call_id == pair["leg"]:
            self.free.append(pair["user"])

    def _bye(self, fields: Fields, source: tuple[str, int]) -> None:
        pair = self.pairs[fields.call_id]
        self.sock.sendto(response(fields, "200 OK"), source)
        if source == pair["caller"]:
            self._ask(pair, "BYE", pair["target"], pair["to"])
            return
        self.free.append(pair["user"])
        invite = pair["invite"]
        data = request(
            "BYE", uri_in(invite.contact) or invite.contact, via=f"{self.host}:{self.port};branch=z9hG4bKb",
            from_=f"{invite.to};tag={pair['tag']}", to=invite.from_, call_id=invite.call_id, cseq=1,
        )  # fmt: skip
        self.sock.sendto(data, pair["caller"])
