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
# Trailers that no server may be shown: they frame a message, or say who or what it is from.
DANGEROUS_TRAILERS = {b"content-length", b"transfer-encoding", b"host", b"authorization", b"cookie", b"connection"}
DANGEROUS_TRAILERS |= {b"x-forwarded-for", b"trailer"}
ABSOLUTE = re.compile(rb"(?i:https?)://[^/?#]*")
LAXEST = "forwarded, where both others refuse"
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
    verdict.changes += changes(torii, haproxy, nginx)
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
    if torii.messages and not haproxy.messages and not nginx.messages:
        return [LAXEST]
    count = len(torii.complete())
    if (
        not count
        or torii.shape(True) == haproxy.shape(True)[:count]
        or torii.shape(False) == nginx.shape(False)[:count]
    ):
        return []
    if not haproxy.complete() and not nginx.complete():
        return [LAXEST]
    return ["forwarded otherwise than both others"]


def order(torii):
    """The client has the responses to its requests in their order."""
    sent = iter([m.number for m in torii.messages])
    in_order = all(number in sent for number in torii.answers.numbers())
    return [] if in_order else ["responses in another order than requests"]


@dataclass
class Change:
    """A field of the main request that torii forwards in a form of its own."""

    name: bytes
    ours: list
    theirs: list  # of the values of each proxy that forwarded the request

    def meant(self):
        """Whether torii is documented to do this (docs/http.md)."""
        values = [value.lower() for value in self.ours] if self.name != b"(trailers)" else []
        if self.name == b"(trailers)":
            return not any(name in DANGEROUS_TRAILERS for name, _ in self.ours)
        if self.name == b"(target)":
            return any(self.ours == [ABSOLUTE.sub(b"", target) or b"/" for target in theirs] for theirs in self.theirs)
        if self.name == b"x-hop":
            return not self.ours
        if self.name == b"expect":
            return values in ([], [b"100-continue"])
        if self.name == b"te":
            return values in ([], [b"trailers"])
        # An upgrade is passed on as asked for, but for those to HTTP/2.
        return self.name == b"upgrade" and not any(b"h2" in value or b"http/2" in value for value in values)


def changes(torii, haproxy, nginx):
    """What torii's server got otherwise than that of every other proxy. Framing is `agreement`'s business."""
    ours, reference, second = (
        next((m for m in o.complete() if m.kind() == "main"), None) for o in (torii, haproxy, nginx)
    )
    theirs = [m for m in (reference, second) if m]
    if ours is None or not theirs:
        return []
    names = {n for n, _ in ours.fields} | {n for m in theirs for n, _ in m.fields}
    # nginx leaves out fields whose names it does not like, so alone it is no witness against one.
    if reference is None:
        names = {n for n, _ in second.fields}
    names = sorted(n for n in names - IGNORED_FIELDS if not re.match(rb"x-\d+\Z", n))
    found = [Change(name, ours.values(name), [m.values(name) for m in theirs]) for name in names]
    found.append(Change(b"(target)", [ours.target], [[m.target] for m in theirs]))
    found.append(Change(b"(trailers)", sorted(ours.trailers), [sorted(m.trailers) for m in theirs]))
    return [change for change in found if change.ours not in change.theirs]


def explained(result, singles):
    """Whether each refusal of a case with several oddities is that of one of them, which torii may take alone."""
    if result.verdict.faults != [LAXEST] or any(single.verdict.faults for single in singles):
        return False
    refusing = [name for name, outcome in result.outcomes.items() if not outcome.complete()]
    return all(any(not single.outcomes[name].complete() for single in singles) for name in refusing)
