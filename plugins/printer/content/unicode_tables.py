#!/usr/bin/env python3
"""Writes unicode_tables.cpp: what the printers' code pages hold, which characters take two cells or none, and which pairs compose.

Run it in this folder after a change and commit both: ./unicode_tables.py | clang-format > unicode_tables.cpp
The build does not run it. Sources: Python's codecs and unicodedata, and iconv (glibc) for pages that Python lacks.
"""
import subprocess
import unicodedata

PYTHON = ("437 720 737 775 850 852 855 857 858 860 861 862 863 864 865 866 869 874 1125 1250 1251 1252 1253 1254 1255 1256 1257 1258"
          .split())
ICONV = {"cp772": "CP772", "cp774": "CP774", "cp851": "IBM851"}
ISO = [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 15]

# Half-width Katakana as Epson's page 1 has it: JIS X 0201 in A1 to DF; the graphics around it differ between makers and are left out.
KATAKANA = {0xA1 + i: 0xFF61 + i for i in range(63)}
# The Baltic variants of CP437 and CP866 that clones call CP3011 and CP3012: what differs from the page that they are built on.
BALTIC = {0xB5: "Ā", 0xB7: "ņ", 0xC6: "ā", 0xD0: "Š", 0xD2: "č", 0xD3: "Č", 0xD6: "ģ", 0xD7: "Ī", 0xD8: "ī", 0xDD: "ū", 0xDE: "Ū",
          0xF0: "Ē", 0xF1: "ē", 0xF2: "Ģ", 0xF3: "ķ", 0xF4: "Ķ", 0xF5: "ļ", 0xF6: "Ļ", 0xF7: "ž", 0xF8: "Ž", 0xFC: "Ņ", 0xFD: "š"}


def by_python(codec):
    return {b: ord(bytes([b]).decode(codec)) for b in range(0x80, 0x100) if bytes([b]).decode(codec, "ignore")}


def by_iconv(name):
    page = {}
    for b in range(0x80, 0x100):
        done = subprocess.run(["iconv", "-f", name, "-t", "UTF-8"], input=bytes([b]), capture_output=True)
        if done.returncode == 0 and len(done.stdout.decode()) == 1:
            page[b] = ord(done.stdout.decode())
    return page


def pages():
    all_pages = {"cp" + n: by_python("cp" + n) for n in PYTHON}
    all_pages |= {name: by_iconv(iconv) for name, iconv in ICONV.items()}
    all_pages |= {f"iso8859-{n}": by_python(f"iso8859_{n}") for n in ISO}
    all_pages["kz1048"] = by_python("kz1048")
    all_pages["koi8-r"] = by_python("koi8_r")
    all_pages["katakana"] = KATAKANA
    # TCVN-3, the page of small letters: its letters stand where VN2 has them.
    all_pages["tcvn3"] = {b: c for b, c in by_iconv("TCVN5712-1").items() if b >= 0xA8 and chr(c).islower()}
    all_pages["cp3011"] = all_pages["cp437"] | {b: ord(c) for b, c in BALTIC.items()}
    all_pages["cp3012"] = all_pages["cp866"] | {b: ord(c) for b, c in BALTIC.items()} | {0xBD: ord("Ō")}
    # Controls are no characters; a no-break space is written as a space.
    return {name: {b: c for b, c in page.items() if c > 0xA0 and unicodedata.category(chr(c)) != "Cf"}
            for name, page in sorted(all_pages.items())}


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
    table = pages()
    print('// Written by unicode_tables.py; do not edit.\n#include "unicode_tables.hpp"\n\n#include <array>\n')
    print("namespace agenthost::printer::tables {\n\nnamespace {\n\n// clang-format off")
    print(f"constexpr std::array<PageTable, {len(table)}> page_tables{{{{")
    for name, page in table.items():
        cells = ",".join(str(page.get(b, 0)) for b in range(0x80, 0x100))
        rows = cells.split(",")
        print(f'{{"{name}", {{{{')
        for i in range(0, 128, 16):
            print("    " + ", ".join(rows[i:i + 16]) + ",")
        print("}}},")
    print("}};")
    for name, found in (("wide_ranges", joined(ranges(wide), unassigned)),
                        ("zero_ranges", joined(ranges(zero_width), unassigned))):
        print(f"constexpr std::array<Range, {len(found)}> {name}{{{{")
        for i in range(0, len(found), 5):
            print("    " + " ".join(f"{{0x{a:X}, 0x{b:X}}}," for a, b in found[i:i + 5]))
        print("}};")
    pairs = compositions({c for page in table.values() for c in page.values()})
    print(f"constexpr std::array<Composition, {len(pairs)}> composition_table{{{{")
    for i in range(0, len(pairs), 8):
        print("    " + " ".join(f"{{{a}, {b}, {c}}}," for a, b, c in pairs[i:i + 8]))
    print("}};\n// clang-format on\n\n} // namespace\n")
    print("std::span<const PageTable> pages() { return page_tables; }")
    print("std::span<const Range> wide() { return wide_ranges; }")
    print("std::span<const Range> zero() { return zero_ranges; }")
    print("std::span<const Composition> compositions() { return composition_table; }")
    print("\n} // namespace agenthost::printer::tables")


main()
