// Writes ../glyphs_table.cpp from the PCF files of the Terminus font:
//   node make_glyphs.mjs /usr/share/fonts/X11/misc > ../glyphs_table.cpp     (Debian: xfonts-terminus 4.48)
// then clang-format -i ../glyphs_table.cpp. The table is data of that font and stays under its licence (OFL-1.1.txt).
import { gunzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';

const folder = process.argv[2];

// code point -> rows, each a number whose highest bit (of `width`) is the leftmost dot
function pcf(name, width, height) {
  const b = gunzipSync(readFileSync(`${folder}/${name}`));
  const table = {};
  for (let i = 0; i < b.readUInt32LE(4); i++) {
    const at = 8 + 16 * i;
    table[b.readUInt32LE(at)] = b.readUInt32LE(at + 12);
  }
  const encodings = table[32], bitmaps = table[8], metrics = table[4];
  const big = (at) => (b.readUInt32LE(at) & 4) !== 0;
  const u16 = (table_at, at) => (big(table_at) ? b.readUInt16BE(at) : b.readUInt16LE(at));
  const u32 = (table_at, at) => (big(table_at) ? b.readUInt32BE(at) : b.readUInt32LE(at));
  const bitmap_format = b.readUInt32LE(bitmaps);
  const count = u32(bitmaps, bitmaps + 4), pad = 1 << (bitmap_format & 3);
  const data = bitmaps + 8 + 4 * count + 16;
  const compressed = (b.readUInt32LE(metrics) & 0x100) !== 0;
  const ascent_of = (g) => compressed ? b[metrics + 6 + 5 * g + 3] - 0x80 : u16(metrics, metrics + 8 + 12 * g + 6);
  const lines_of = (g) => compressed ? ascent_of(g) + b[metrics + 6 + 5 * g + 4] - 0x80 : ascent_of(g) + u16(metrics, metrics + 8 + 12 * g + 8);
  if ((bitmap_format & 8) === 0) throw new Error('bits are expected with the leftmost dot first');
  const stride = Math.ceil(width / 8 / pad) * pad;
  const glyphs = new Map();
  const [c1, c2, r1, r2] = [4, 6, 8, 10].map((o) => u16(encodings, encodings + o));
  for (let r = r1; r <= r2; r++)
    for (let c = c1; c <= c2; c++) {
      const g = u16(encodings, encodings + 14 + 2 * ((r - r1) * (c2 - c1 + 1) + c - c1));
      if (g === 0xffff) continue;
      const lines = lines_of(g);
      if (lines !== height) throw new Error(`glyph ${g} has ${lines} rows`);
      const rows = [];
      for (let y = 0; y < height; y++) {
        let bits = 0;
        const at = data + u32(bitmaps, bitmaps + 8 + 4 * g) + y * stride;
        for (let x = 0; x < width; x++) bits = bits * 2 + ((b[at + (x >> 3)] >> (7 - (x & 7))) & 1);
        rows.push(bits);
      }
      glyphs.set(r << 8 | c, rows);
    }
  return glyphs;
}

// Font B is 9 x 17: a white column and row more, except for what must join its neighbours (boxes and blocks).
function widened(glyphs) {
  for (const [code, rows] of glyphs) {
    const joins = code >= 0x2500 && code <= 0x259f;
    const wide = rows.map((bits) => bits * 2 + (joins ? bits & 1 : 0));
    wide.push(joins ? wide[15] : 0);
    glyphs.set(code, wide);
  }
  return glyphs;
}

function write(name, glyphs) {
  const codes = [...glyphs.keys()].filter((code) => code >= 0x20).sort((a, b) => a - b);
  const rows = [], index = [];
  for (const code of codes) {
    const all = glyphs.get(code);
    let top = all.findIndex((bits) => bits !== 0);
    if (top < 0) top = 0;
    let end = all.length;
    while (end > top && all[end - 1] === 0) end--;
    index.push(`{${code},${rows.length},${top},${end - top}}`);
    rows.push(...all.slice(top, end));
  }
  const list = (values) => {
    let out = '', line = '   ';
    for (const v of values) {
      if (line.length + v.length > 106) { out += `${line}\n`; line = '   '; }
      line += ` ${v},`;
    }
    return `${out}${line}\n`;
  };
  console.log(`const std::array<GlyphEntry, ${index.length}> ${name}_index{{\n${list(index)}}};\n`);
  console.log(`const std::array<std::uint16_t, ${rows.length}> ${name}_rows{\n${list(rows.map(String))}};\n`);
}

console.log(`// Generated data, nothing here is written by hand: tables/make_glyphs.mjs makes this file from Terminus Font 4.48.
// Copyright (c) 2010-2014 Dimitar Toshkov Zhekov, with Reserved Font Name "Terminus Font". These tables, and nothing else of this
// repository, are licensed under the SIL Open Font License, Version 1.1 (tables/OFL-1.1.txt).
#include "glyphs_table.hpp"

namespace agenthost::printer::render {

namespace {

// clang-format off
`);
write('font_a', pcf('ter-u24n_unicode.pcf.gz', 12, 24));
write('font_b', widened(pcf('ter-u16n_unicode.pcf.gz', 8, 16)));
console.log(`// clang-format on

} // namespace

GlyphTable font_a_table() { return {font_a_index, font_a_rows}; }
GlyphTable font_b_table() { return {font_b_index, font_b_rows}; }

} // namespace agenthost::printer::render`);
