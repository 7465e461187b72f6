"""Prints what a run found: faults first, then the classes of differences."""

import collections

from catalogue import CATALOGUE

FAULTS_SHOWN = 40
SAMPLE_SIZE = 700


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
    """One row for each class, each way of taking it with the number of its cases."""
    print("| odd in | torii | HAProxy | nginx | torii's rule |\n|---|---|---|---|---|")
    by_class = collections.defaultdict(list)
    for result in results:
        if len(result.case.mutations) == 1:
            by_class[result.case.names()[0]].append(result)
    for name in CATALOGUE:
        if name in by_class:
            columns = [
                summary(r.verdict.words[proxy] for r in by_class[name]) for proxy in ("torii", "haproxy", "nginx")
            ]
            print(f"| {name} | {' | '.join(columns)} | {CATALOGUE[name].why} |")


def summary(words):
    """`400 12, accepts 3`."""
    return ", ".join(f"{word.replace('|', '/')} ×{count}" for word, count in collections.Counter(words).most_common())


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
