#!/usr/bin/env python3
"""Writes ../unicode_tables.cpp: which characters take two cells or none, and which pairs compose.

Run it after a change here or in make_code_pages.py and commit both: ./make_unicode_tables.py | clang-format > ../unicode_tables.cpp
The build does not run it. Sources: Python's unicodedata, and the code pages.
"""
import pathlib
import sys
import unicodedata

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "render" / "tables"))
import make_code_pages  # noqa: E402


def ranges(wanted):
    out = []
    for c in range(0x80, 0x110000):
        if 0xD800 <= c < 0xE000 or not wanted(chr(c)):
            continue
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def joined(found, unassigned_between):
    """Ranges with only unassigned characters between them are one: fewer rows."""
    out = []
    for first, last in found:
        if out and all(unassigned_between(chr(c)) for c in range(out[-1][1] + 1, first)):
            out[-1][1] = last
        else:
            out.append([first, last])
    return out


def unassigned(c):
    return unicodedata.category(c) == "Cn"


def wide(c):
    # Python calls unassigned characters full-width.
    return not unassigned(c) and unicodedata.east_asian_width(c) in "WF"


def zero_width(c):
    # A soft hyphen has a width; Hangul vowels and finals join the syllable before them.
    return c != "\u00AD" and (unicodedata.category(c) in ("Mn", "Me", "Cf") or "\u1160" <= c <= "\u11FF")


def compositions(in_pages):
    found = []
    for c in range(0xC0, 0x3000):
        parts = unicodedata.decomposition(chr(c)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            found.append((int(parts[0], 16), int(parts[1], 16), c))
    # What no page holds is kept only where it leads to something that one does (U+00E2 to U+1EA5), or is Latin, Greek or Cyrillic.
    return sorted(f for f in found if f[2] in in_pages or f[2] < 0x530 or 0x1E00 <= f[2] < 0x1F00)


def main():
    in_pages = {c for name, page in make_code_pages.pages().items() for b, c in page.items()
                if make_code_pages.is_certain(name, b, c)}
    print("// Generated data, nothing here is written by hand: tables/make_unicode_tables.py makes this file.\n"
          '#include "unicode_tables.hpp"\n\n#include <array>\n')
    print("namespace agenthost::printer::tables {\n\nnamespace {\n\n// clang-format off")
    for name, found in (("wide_ranges", joined(ranges(wide), unassigned)),
                        ("zero_ranges", joined(ranges(zero_width), unassigned))):
        print(f"constexpr std::array<Range, {len(found)}> {name}{{{{")
        for i in range(0, len(found), 5):
            print("    " + " ".join(f"{{0x{a:X}, 0x{b:X}}}," for a, b in found[i:i + 5]))
        print("}};")
    pairs = compositions(in_pages)
    print(f"constexpr std::array<Composition, {len(pairs)}> composition_table{{{{")
    for i in range(0, len(pairs), 8):
        print("    " + " ".join(f"{{{a}, {b}, {c}}}," for a, b, c in pairs[i:i + 8]))
    print("}};\n// clang-format on\n\n} // namespace\n")
    print("std::span<const Range> wide() { return wide_ranges; }")
    print("std::span<const Range> zero() { return zero_ranges; }")
    print("std::span<const Composition> compositions() { return composition_table; }")
    print("\n} // namespace agenthost::printer::tables")


main()
