// Writes a receipt's text, notes and warnings as JSON, without the picture. Pure.
#pragma once

#include "plugins/printer/render/receipt.hpp"

namespace agenthost::printer::render {

// {"width":576,"height":812,"clipped":false,
//  "lines":[{"kind":"text","text":"TOTAL","x":0,"y":60,"width":60,"height":24},
//           {"kind":"symbol","symbology":"QR","text":"https://example.org",...}],
//  "cuts":[{"y":812,"partial":true}],"notes":[{"kind":"drawer","y":812,"text":"pin 2, on 100 ms, off 500 ms"}],
//  "warnings":[{"text":"unknown command ESC q","count":2}]}
// Coordinates are in dots of the picture.
std::string as_json(const Receipt&);

} // namespace agenthost::printer::render
