#!/usr/bin/env python3
"""Writes ../code_pages_table.cpp, the only table of printers' code pages: ./make_code_pages.py > ../code_pages_table.cpp

The build does not run it; commit both. Sources: Python's codecs, iconv (glibc) for what Python lacks, and lists for what both lack.
"""
import subprocess
import unicodedata

PYTHON = ("437 720 737 775 850 852 855 857 858 860 861 862 863 864 865 866 869 874 1125 1250 1251 1252 1253 1254 1255 1256 1257 1258"
          .split())
ICONV = {"cp772": "CP772", "cp774": "CP774", "cp851": "IBM851", "tcvn3": "TCVN"}
ISO = [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 15]

# Turkish, Maltese, Esperanto.
CP853 = ("ÇüéâäàĉçêëèïîìÄĈÉċĊôöòûùİÖÜĝ£Ĝ×ĵáíóúñÑĞğĤĥ\0½Ĵş«»░▒▓│┤ÁÂÀŞ╣║╗╝Żż┐└┴┬├─┼Ŝŝ╚╔╩╦╠═╬¤\0\0ÊËÈıÍÎÏ┘┌█▄\0Ì▀ÓßÔÒĠġµĦħÚÛÙŬŭ"
         "\0´\u00AD\0ℓŉ˘§÷¸°¨˙\0³²■\u00A0")
# JIS X 0201 in A1 to DF, and around it the graphics of the first Japanese DOS.
KATAKANA = ("▁▂▃▄▅▆▇█▏▎▍▌▋▊▉┼┴┬┤├▔─│▕┌┐└┘╭╮╰╯".ljust(33, "\0") + "".join(chr(0xFF61 + i) for i in range(63)) +
            "═╞╪╡◢◣◥◤♠♥♦♣●○╱╲╳円年月日時分秒〒市区町村人▒".ljust(32, "\0"))
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


def by_list(text):
    assert len(text) == 128
    return {0x80 + i: ord(c) for i, c in enumerate(text) if c != "\0"}


def pages():
    """Name -> byte -> character. Control characters are left out."""
    found = {"cp" + n: by_python("cp" + n) for n in PYTHON}
    found |= {name: by_iconv(iconv) for name, iconv in ICONV.items()}
    found |= {f"iso8859-{n}": by_python(f"iso8859_{n}") for n in ISO}
    found |= {"kz1048": by_python("kz1048"), "koi8-r": by_python("koi8_r"), "koi8-u": by_python("koi8_u")}
    found |= {"katakana": by_list(KATAKANA), "cp853": by_list(CP853)}
    # Since 1999 code page 857 has the euro where it had nothing.
    found["cp857"][0xD5] = 0x20AC
    found["cp3011"] = found["cp437"] | {b: ord(c) for b, c in BALTIC.items()}
    found["cp3012"] = found["cp866"] | {b: ord(c) for b, c in BALTIC.items()} | {0xBD: ord("Ō")}
    return {name: {b: c for b, c in page.items() if c >= 0xA0} for name, page in sorted(found.items())}


def is_certain(name, byte, character):
    """Whether every printer with this page prints this character, so that a composed job may use the byte."""
    # A no-break space is composed as a space; invisible characters are not printed.
    if character == 0xA0 or unicodedata.category(chr(character)) == "Cf":
        return False
    if name == "katakana":
        return 0xA1 <= byte <= 0xDF
    if name == "tcvn3":
        # Printers have one of two pages, of small letters or of capitals; the small letters are where TCVN has them.
        return byte >= 0xA8 and chr(character).islower()
    return not (name == "cp857" and byte == 0xD5)


def main():
    table = pages()
    print("// Generated data, nothing here is written by hand: tables/make_code_pages.py makes this file.\n"
          '#include "code_pages.hpp"\n')
    print("namespace agenthost::printer::render {\n\nnamespace {\n\n// clang-format off")
    print(f"constexpr std::array<CodePage, {len(table)}> table{{{{")
    for name, page in table.items():
        certain = sum(1 << (b - 0x80) for b, c in page.items() if is_certain(name, b, c))
        print(f'{{"{name}", {{0x{certain & (1 << 64) - 1:X}, 0x{certain >> 64:X}}}, {{')
        for row in range(0x80, 0x100, 16):
            print("    " + ", ".join(str(page.get(b, 0)) for b in range(row, row + 16)) + ",")
        print("}},")
    print("}};\n// clang-format on\n\n} // namespace\n")
    print("std::span<const CodePage> code_pages() { return table; }\n\n} // namespace agenthost::printer::render")


if __name__ == "__main__":
    main()
