"""What a case means: how each proxy took it, in a few words, and whether torii's way is in order.

torii may refuse what others accept. It must not forward what both others refuse, nor frame, split or
cut a message in a way that neither of them does, nor hand its server anything that is not plain.
"""

import hashlib
import itertools
import re
from dataclasses import dataclass, field

# Fields in which proxies differ by configuration, or that `agreement` looks at.
IGNORED_FIELDS = {b"connection", b"x-forwarded-for", b"x-case", b"content-length", b"transfer-encoding"}
# Fields that torii is documented to rewrite, and what to.
MEANT = {
    b"expect": ([], [b"100-continue"]),
    b"te": ([], [b"trailers"]),
    b"upgrade": ([],),
}
REFUSALS = {400, 408, 413, 414, 417, 431, 501, 505}


@dataclass
class Outcome:
    """How one proxy took one case."""

    messages: list  # recorded messages of the case, in order
    answers: object  # sender.Answers

    def complete(self):
        """Messages that arrived whole."""
        return [m for m in self.messages if m.complete]

    def shape(self, exact):
        """What decides about security: which requests, framed and filled how, in which order.

        nginx gives a chunked body that it has whole a length; without `exact` the two are the same.
        """
        framing = {"chunked": "chunked" if exact else "length"}
        return [
            (
                m.kind(),
                m.method,
                framing.get(m.framing, m.framing) if m.body or exact else "",
                hashlib.sha1(m.body).digest(),
            )
            for m in self.complete()
        ]

    def words(self, payload):
        """The same for people, and for grouping."""
        kinds = [describe(m, payload) for m in self.complete()]
        kinds = [k for k, _ in itertools.groupby(k for k in kinds if k != "follow")]
        own = ", ".join(str(status) for status in self.answers.own())
        if not kinds:
            taken = own or ("closes" if self.answers.closed else "waits")
            return taken + (" after a part was sent on" if len(self.messages) > len(self.complete()) else "")
        followed = any(m.kind() == "follow" for m in self.complete())
        end = "" if followed else f", then {own}" if own else ", closes" if self.answers.closed else ", waits"
        return "accepts" + ("" if kinds == ["main"] else f" ({' + '.join(kinds)})") + end


def describe(message, payload):
    """One message in a word or two."""
    kind = message.kind()
    if kind != "main" or message.framing == "none" and not payload:
        return kind
    if message.framing == "none":
        return "main without body"
    if message.body == payload:
        return kind
    return "main, longer body" if len(message.body) > len(payload) else "main, shorter body"


@dataclass
class Verdict:
    """One case, judged."""

    words: dict  # proxy name -> words
    faults: list = field(default_factory=list)
    changes: list = field(default_factory=list)  # fields that torii forwards otherwise


def judge(outcomes, payload):
    """Compares the proxies."""
    verdict = Verdict({name: outcome.words(payload) for name, outcome in outcomes.items()})
    torii, haproxy, nginx = (outcomes[name] for name in ("torii", "haproxy", "nginx"))
    verdict.faults += plainness(torii) + agreement(torii, haproxy, nginx) + order(torii)
    verdict.changes += changes(torii, [haproxy, nginx])
    verdict.faults += [
        f"field {change.name.decode('latin-1')} rewritten" for change in verdict.changes if not change.meant()
    ]
    return verdict


def plainness(torii):
    """What is wrong with the bytes that the server got."""
    faults = [f"the server got: {fault}" for m in torii.messages for fault in m.faults]
    if any(len(m.markers()) > 1 for m in torii.messages):
        faults.append("two cases in one message")
    strange = [s for s in torii.answers.own() if s not in REFUSALS]
    if strange:
        faults.append(f"answered {strange[0]}")
    return faults


def agreement(torii, haproxy, nginx):
    """torii's messages have to be the first ones of what another proxy forwarded, or all of them."""
    count = len(torii.complete())
    if (
        not count
        or torii.shape(True) == haproxy.shape(True)[:count]
        or torii.shape(False) == nginx.shape(False)[:count]
    ):
        return []
    if not haproxy.complete() and not nginx.complete():
        return ["forwarded, where both others refuse"]
    return ["forwarded otherwise than both others"]


def order(torii):
    """The client has the responses to its requests in their order."""
    sent = [m.number for m in torii.complete()]
    answered = torii.answers.numbers()
    return [] if sent[: len(answered)] == answered else ["responses in another order than requests"]


@dataclass
class Change:
    """A field of the main request that torii forwards in a form of its own."""

    name: bytes
    ours: list
    theirs: list  # of the values of each proxy that forwarded the request

    def meant(self):
        """Whether torii is documented to do this."""
        if self.name == b"(trailers)":
            return all(any(field in values for values in self.theirs) for field in self.ours)
        return self.ours in MEANT.get(self.name, ())


def changes(torii, others):
    """What torii's server got otherwise than that of every other proxy. Framing is `agreement`'s business."""
    ours = next((m for m in torii.complete() if m.kind() == "main"), None)
    theirs = [m for o in others for m in o.complete() if m.kind() == "main"]
    if ours is None or not theirs:
        return []
    names = {n for n, _ in ours.fields} | {n for m in theirs for n, _ in m.fields}
    names = sorted(n for n in names - IGNORED_FIELDS if not re.match(rb"x-\d+\Z", n))
    found = [Change(name, ours.values(name), [m.values(name) for m in theirs]) for name in names]
    found.append(Change(b"(target)", [ours.target], [[m.target] for m in theirs]))
    found.append(Change(b"(trailers)", sorted(ours.trailers), [sorted(m.trailers) for m in theirs]))
    return [change for change in found if change.ours not in change.theirs]
