// Writes receipts/NAME.bin, made by the encoders that people use, and receipts.json, which says what each was meant to print.
// What is expected is written by hand here from the encoder's documentation, never taken from our renderer. Run in an empty folder:
//   npm install receiptline@4.0.4 @point-of-sale/receipt-printer-encoder@4.0.1 node-thermal-printer@4.6.1
//   node THIS/generate.mjs
// It writes the same bytes each time.
import { createRequire } from 'node:module';
import { writeFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(join(process.cwd(), 'x.js'));
const receiptline = require('receiptline');
const Encoder = require('@point-of-sale/receipt-printer-encoder');
const { ThermalPrinter } = require('node-thermal-printer');

const out = join(dirname(fileURLToPath(import.meta.url)), 'receipts');
mkdirSync(out, { recursive: true });
const all = [];

// Where a text of `columns` is, in dots: `a` is left, center or right in `width` dots, a column is `dot` wide.
const wide = (c) => /[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]/.test(c);
const columns = (text) => [...text].reduce((n, c) => n + (wide(c) ? 2 : 1), 0);
const at = (x, text, dot = 12) => ({ x, text, dot });
const left = (text, dot = 12) => at(0, text, dot);
const center = (text, dot = 12, width = 576) => at(Math.floor((width - columns(text) * dot) / 2), text, dot);
const right = (text, dot = 12, width = 576) => at(width - columns(text) * dot, text, dot);
const both = (l, r, width = 576) => [left(l), right(r, 12, width)];

function add(name, bytes, meant) {
  writeFileSync(join(out, `${name}.bin`), Buffer.from(bytes));
  all.push({ name, width: 576, charset: 'GB18030', lines: [], symbols: [], cuts: 0, drawers: 0, images: 0, ...meant });
}

// A picture with something in each corner, as the encoders want it.
function picture(width, height) {
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (x < 8 || y < 8 || (x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 4) ** 2) data.fill(0, (y * width + x) * 4, (y * width + x) * 4 + 3);
  return { width, height, data };
}

// ---------------------------------------------------------------- receiptline
// A table of n columns divides the line into equal parts; `|text` is at the left, `text|` at the right, both or none in the middle.
function line(name, document, meant, options = {}) {
  const printer = { cpl: 48, encoding: 'cp437', command: 'escpos', cutting: false, ...options };
  add(`receiptline_${name}`, Buffer.from(receiptline.transform(document, printer), 'latin1'), { encoder: 'receiptline 4.0.4', ...meant });
}
line('shop', 'CORNER SHOP\n1 Main Street\n\nTea | 2.50\nCoffee | 13.75\n-\nTotal | 16.25\n=', {
  lines: [[center('CORNER SHOP')], [center('1 Main Street')], both('Tea', '2.50'), both('Coffee', '13.75'), [left('─'.repeat(48))], both('Total', '16.25')], cuts: 1,
});
line('columns', '|left |\n| right|\n|middle|\n|a |b |c\n', { lines: [[left('left')], [right('right')], [center('middle')], [left('a'), at(192, 'b'), at(384, 'c')]] });
line('sizes', '|^double width|\n|^^double height|\n|^^^both|\n|^^^^three|', {
  lines: [[center('double width', 24)], [center('double height')], [center('both', 24)], [center('three', 36)]],
});
line('styles', '|"bold"|\n|_underline_|\n|`inverse`|\n|"_`all`_"|', { lines: [[center('bold')], [center('underline')], [center('inverse')], [center('all')]] });
line('qr', '{code:https://example.org/receipt/4711; option:qrcode 4 m}\n|after|', {
  lines: [[center('after')]], images: 1, symbols: [{ zbar: 'QR-Code', text: 'https://example.org/receipt/4711' }],
});
line('code128', '{code:RECEIPT-4711; option:code128 2 72 hri}', { symbols: [{ symbology: 'CODE128', zbar: 'CODE-128', text: 'RECEIPT-4711' }], lines: [[center('RECEIPT-4711')]] });
line('ean13', '{code:400638133393; option:ean 3 80 hri}', { symbols: [{ symbology: 'EAN13', zbar: 'EAN-13', text: '4006381333931' }] });
line('upc', '{code:03600029145; option:upc 3 60 nohri}', { symbols: [{ symbology: 'UPC-A', zbar: 'EAN-13', text: '036000291452', read: '0036000291452' }] });
line('code39', '{code:CODE-39; option:code39 2 60 nohri}', { symbols: [{ symbology: 'CODE39', zbar: 'CODE-39', text: 'CODE-39' }] });
line('itf', '{code:12345678; option:itf 3 60 nohri}', { symbols: [{ symbology: 'ITF', zbar: 'I2/5', text: '12345678' }] });
line('codabar', '{code:A12345B; option:codabar 3 60 nohri}', { symbols: [{ symbology: 'CODABAR', zbar: 'Codabar', text: 'A12345B' }] });
line('german', 'Käsegroßhandel Müller\nÄpfel | 3,20 €', { lines: [[center('Käsegroßhandel Müller')], both('Äpfel', '3,20 €')] }, { encoding: 'multilingual' });
line('japanese', '領収書\n合計 | 1,200', { charset: 'SHIFT_JIS', lines: [[center('領収書')], both('合計', '1,200')] }, { encoding: 'shiftjis' });
line('narrow', '|58 mm paper|\nsum | 1.00', { width: 384, lines: [[center('58 mm paper', 12, 384)], both('sum', '1.00', 384)] }, { cpl: 32 });

// ---------------------------------------------------------------- receipt-printer-encoder
function encoder(name, build, meant, options = {}) {
  const e = new Encoder({ language: 'esc-pos', columns: 48, feedBeforeCut: 0, ...options });
  build(e.initialize());
  add(`rpe_${name}`, e.encode(), { encoder: '@point-of-sale/receipt-printer-encoder 4.0.1', ...meant });
}
encoder('text', (e) => e.line('first').line('second').text('third').newline().line('a line that is longer than the paper is wide and so it wraps'), {
  lines: [[left('first')], [left('second')], [left('third')], [left('a line that is longer than the paper is wide and')], [left('so it wraps')]],
});
encoder('align', (e) => e.align('center').line('middle').align('right').line('right').align('left').line('left'), {
  lines: [[center('middle')], [right('right')], [left('left')]],
});
encoder('styles', (e) => e.bold(true).line('bold').bold(false).underline(true).line('underline').underline(false).invert(true).line('inverse').invert(false), {
  lines: [[left('bold')], [left('underline')], [left('inverse')]],
});
encoder('size', (e) => e.size(2, 2).line('2x2').size(3, 1).line('3x1').size(1, 4).line('1x4').size(1, 1).line('plain'), {
  lines: [[left('2x2', 24)], [left('3x1', 36)], [left('1x4')], [left('plain')]],
});
encoder('font_b', (e) => e.font('B').line('small print').font('A').line('large print'), { lines: [[left('small print', 9)], [left('large print')]] });
encoder('table', (e) => e.table([{ width: 30, align: 'left' }, { width: 18, align: 'right' }], [['Tea', '2.50'], ['Coffee', '13.75'], ['Total', '16.25']]), {
  lines: [both('Tea', '2.50'), both('Coffee', '13.75'), both('Total', '16.25')],
});
encoder('box', (e) => e.box({ width: 20, style: 'double' }, 'boxed').rule({ style: 'single' }), {
  lines: [[left('╔══════════════════╗')], [at(12, 'boxed')], [left('╚══════════════════╝')], [left('─'.repeat(48))]],
});
encoder('pages', (e) => e.codepage('auto').line('Zürich').line('Ελλάδα').line('Привет').line('Łódź').line('İstanbul').line('€ 5,00'), {
  lines: ['Zürich', 'Ελλάδα', 'Привет', 'Łódź', 'İstanbul', '€ 5,00'].map((t) => [left(t)]),
});
encoder('qr', (e) => e.align('center').qrcode('https://example.org/q?a=1&b=2', { model: 2, size: 6, errorlevel: 'q' }), {
  symbols: [{ symbology: 'QR', zbar: 'QR-Code', text: 'https://example.org/q?a=1&b=2' }],
});
encoder('barcodes', (e) => e.barcode('4006381333931', 'ean13', { height: 60 }).barcode('96385074', 'ean8', { height: 60 }).barcode('CODE 93', 'code93', { height: 60 })
  .barcode('AB-12', 'code39', { height: 60 }).barcode('12345678', 'itf', { height: 60 }), {
  symbols: [{ symbology: 'EAN13', zbar: 'EAN-13', text: '4006381333931' }, { symbology: 'EAN8', zbar: 'EAN-8', text: '96385074' },
    { symbology: 'CODE93', zbar: 'CODE-93', text: 'CODE 93' }, { symbology: 'CODE39', zbar: 'CODE-39', text: 'AB-12' },
    { symbology: 'ITF', zbar: 'I2/5', text: '12345678' }],
});
encoder('code128', (e) => e.barcode('Order 4711', 'code128', { height: 80, text: true }).barcode('{C' + String.fromCharCode(12, 34, 56), 'code128', { height: 80 }), {
  symbols: [{ symbology: 'CODE128', zbar: 'CODE-128', text: 'Order 4711' }, { symbology: 'CODE128', zbar: 'CODE-128', text: '123456' }],
});
encoder('pdf417', (e) => e.pdf417('PDF417 holds more', { width: 3, height: 3, columns: 0, errorlevel: 1 }), { symbols: [{ symbology: 'PDF417', text: 'PDF417 holds more' }] });
encoder('image_raster', (e) => e.align('center').image(picture(160, 80), 160, 80, 'threshold').align('left').line('below'), { images: 1, lines: [[left('below')]] },
  { imageMode: 'raster' });
encoder('image_column', (e) => e.image(picture(160, 96), 160, 96, 'threshold').line('below'), { images: 1, lines: [[left('below')]] }, { imageMode: 'column' });
encoder('drawer_cut', (e) => e.line('thank you').pulse().cut('partial'), { lines: [[left('thank you')]], drawers: 1, cuts: 1 });

// ---------------------------------------------------------------- node-thermal-printer
function thermal(name, build, meant, options = {}) {
  const p = new ThermalPrinter({ type: 'epson', characterSet: 'PC437_USA', width: 48, ...options });
  build(p);
  add(`ntp_${name}`, p.getBuffer(), { encoder: 'node-thermal-printer 4.6.1', ...meant });
}
thermal('shop', (p) => {
  p.alignCenter(); p.setTextQuadArea(); p.println('SHOP'); p.setTextNormal(); p.println('1 Main Street'); p.alignLeft();
  p.leftRight('Tea', '2.50'); p.leftRight('Coffee', '13.75'); p.drawLine(); p.bold(true); p.leftRight('Total', '16.25'); p.bold(false); p.cut();
}, { lines: [[center('SHOP', 24)], [center('1 Main Street')], both('Tea', '2.50'), both('Coffee', '13.75'), [left('-'.repeat(48))], both('Total', '16.25')], cuts: 1 });
thermal('table', (p) => {
  p.table(['One', 'Two', 'Three']);
  p.tableCustom([{ text: 'Left', align: 'LEFT', width: 0.5 }, { text: 'Center', align: 'CENTER', width: 0.25 }, { text: 'Right', align: 'RIGHT', width: 0.25 }]);
  // Its centred cell is a column short.
}, { lines: [[left('One'), at(192, 'Two'), at(384, 'Three')], [left('Left'), at(576 - 6 * 12, 'Right')]] });
thermal('sizes', (p) => {
  p.setTextDoubleHeight(); p.println('double height'); p.setTextDoubleWidth(); p.println('double width'); p.setTextSize(3, 3); p.println('4x'); p.setTextNormal();
  p.setTypeFontB(); p.println('font b'); p.setTypeFontA(); p.println('font a');
}, { lines: [[left('double height')], [left('double width', 24)], [left('4x', 48)], [left('font b', 9)], [left('font a')]] });
thermal('styles', (p) => {
  p.underline(true); p.println('underline'); p.underline(false); p.underlineThick(true); p.println('thick'); p.underlineThick(false); p.invert(true); p.println('inverse');
  p.invert(false); p.upsideDown(true); p.println('upside down'); p.upsideDown(false); p.println('upright');
}, { lines: [[left('underline')], [left('thick')], [left('inverse')], [right('upside down')], [left('upright')]] });
for (const [set, text] of [['PC852_LATIN2', 'Žluťoučký kůň'], ['PC866_CYRILLIC2', 'Съешь булок'], ['WPC1252', 'Crème brûlée'], ['PC858_EURO', 'Für 5 €'], ['PC737_GREEK', 'Καφές'],
  ['WPC1254_TURKISH', 'İyi günler'], ['ISO8859_15_LATIN9', 'Œuvre']])
  thermal(`page_${set.toLowerCase()}`, (p) => { p.alignRight(); p.println(text); p.alignLeft(); p.println('plain'); }, { lines: [[right(text)], [left('plain')]] }, { characterSet: set });
thermal('qr', (p) => { p.alignCenter(); p.printQR('ticket:4711', { cellSize: 8, correction: 'H', model: 2 }); p.println('scan me'); }, {
  symbols: [{ symbology: 'QR', zbar: 'QR-Code', text: 'ticket:4711' }], lines: [[center('scan me')]],
});
thermal('barcodes', (p) => { p.code128('ABC-1234', { hriPos: 2, width: 2, height: 60 }); p.printBarcode('4006381333931', 67, { hriPos: 0, height: 60 }); p.println('end'); }, {
  symbols: [{ symbology: 'CODE128', zbar: 'CODE-128', text: 'ABC-1234' }, { symbology: 'EAN13', zbar: 'EAN-13', text: '4006381333931' }], lines: [[left('end')]],
});
thermal('image', (p) => { const i = picture(128, 64); p.append(p.printer.printImageBuffer(i.width, i.height, i.data)); p.println('below'); p.beep(2, 1); p.partialCut(); }, {
  images: 1, lines: [[left('below')]], cuts: 1,
});

writeFileSync(join(out, '..', 'receipts.json'), `[\n${all.map((r) => JSON.stringify(r)).join(',\n')}\n]\n`);
console.log(`${all.length} receipts`);
