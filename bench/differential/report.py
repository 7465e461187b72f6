"""Prints what a run found: faults first, then the classes of differences."""

import collections
import dataclasses
import re

from catalogue import CATALOGUE

FAULTS_SHOWN = 40
SAMPLE_SIZE = 700
EXAMPLE_SIZE = 60
ESCAPES = {"\r": "\\r", "\n": "\\n", "\t": "\\t"}


def show(results, options):
    """Prints everything; gives how many cases are faulty."""
    faulty = [result for result in results if result.verdict.faults]
    if options.only:
        for result in results:
            print_case(result)
    elif options.table:
        print_table(results)
    else:
        print_classes(results)
    print_changes(results)
    for result in faulty[:FAULTS_SHOWN]:
        print(f"\nFAULT: {'; '.join(result.verdict.faults)}")
        print_case(result)
    different = sum(1 for result in results if len(set(result.verdict.words.values())) > 1)
    refused = sum(1 for result in results if stricter(result))
    print(f"\n{len(results)} requests, seed {options.seed}: {different} taken differently, "
          f"{refused} refused by torii alone, {len(faulty)} faulty")  # fmt: skip
    return len(faulty)


def stricter(result):
    """Whether torii takes none of it and one of the others does."""
    torii, *others = (outcome.complete() for outcome in result.outcomes.values())
    return not torii and any(others)


def print_case(result):
    """One case: what was sent, what became of it."""
    sample = result.sent if len(result.sent) <= SAMPLE_SIZE else result.sent[:SAMPLE_SIZE] + b"..."
    print(f"\n{' + '.join(result.case.names())}\n  sent {sample!r}")
    for name, words in result.verdict.words.items():
        requests = [
            f"{m.kind()}:{m.framing}:{len(m.body)}{'' if m.complete else ' (cut)'}"
            for m in result.outcomes[name].messages
        ]
        print(f"  {name:8} {words:40} server got {', '.join(requests) or 'nothing'}")


def grouped(results):
    """Cases by class and behaviour."""
    groups = collections.defaultdict(list)
    for result in results:
        groups[result.case.names(), tuple(result.verdict.words.values())].append(result)
    return groups


def print_classes(results):
    """Each class of difference with its smallest example."""
    for (names, words), members in sorted(grouped(results).items()):
        if len(set(words)) == 1:
            continue
        smallest = min(members, key=lambda member: len(member.sent))
        print(f"\n{' + '.join(names)}: {len(members)} cases")
        for name, word in zip(smallest.verdict.words, words):
            print(f"  {name:8} {word}")
        print(f"  e.g. {smallest.sent[:SAMPLE_SIZE]!r}")


def print_table(results):
    """One row for each class that is taken differently: its commonest difference, by an example."""
    print("| odd | for example | torii | HAProxy | nginx | rule |\n|---|---|---|---|---|---|")
    commonest = {}
    for (names, words), members in grouped(results).items():
        if len(names) == 1 and len(set(words)) > 1 and len(members) > len(commonest.get(names[0], [])):
            commonest[names[0]] = members
    for name in CATALOGUE:
        if name in commonest:
            smallest = min(commonest[name], key=lambda member: len(member.sent))
            cells = [name, example(smallest), *smallest.verdict.words.values(), CATALOGUE[name].why]
            print(f"| {' | '.join(cells)} |")


def example(result):
    """The odd lines of a request: those that the same request without its oddity does not have."""
    even = dataclasses.replace(result.case, mutations=()).build(result.marker, CATALOGUE).render()
    left, odd = collections.Counter(lines(even)), b""
    for line in lines(result.sent):
        if left[line]:
            left[line] -= 1
        else:
            odd += line
    text = (odd or b"without " + b"".join(+left)).decode("latin-1").replace(f"/{result.marker}/main", "/x")
    text = "".join(map(printable, text))
    return "`` " + (text if len(text) <= EXAMPLE_SIZE else text[:EXAMPLE_SIZE] + "…") + " ``"


def lines(data):
    """Lines with their ends."""
    return re.findall(rb"[^\n]*\n|[^\n]+", data)


def printable(character):
    """A character as it can stand in a table."""
    if character == "|":
        return "\\|"
    return character if " " <= character <= "~" else ESCAPES.get(character, f"\\x{ord(character):02x}")


def print_changes(results):
    """Each field that torii forwards in a form of its own, once."""
    seen = {}
    for result in results:
        for change in result.verdict.changes:
            seen.setdefault(change.name, (result, change))
    for name, (result, change) in sorted(seen.items(), key=lambda item: item[0]):
        others = " / ".join(map(brief, change.theirs))
        print(f"\nrewritten: {name.decode('latin-1')}: {brief(change.ours)}, others {others}")
        print(f"  e.g. {' + '.join(result.case.names())}")


def brief(value):
    """At most 160 characters of a value."""
    text = repr(value)
    return text if len(text) <= 160 else text[:157] + "..."
