// Jobs as literals, receipts as text.
#pragma once

#include "plugins/printer/render/renderer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace agenthost::printer::render::test {

using namespace std::string_literals;

inline Bytes bytes(std::string_view text)
{
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline Receipt drawn(std::string_view job, Options options = {})
{
    return render(bytes(job), std::move(options));
}

// "x,y widthxheight text|" a line.
inline std::string lines_of(const Receipt& receipt)
{
    std::string out;
    for (const TextLine& line : receipt.lines) {
        const Rectangle& r = line.where;
        out += std::to_string(r.x) + ',' + std::to_string(r.y) + ' ' + std::to_string(r.width) + 'x' +
               std::to_string(r.height) + ' ' + (line.symbology.empty() ? "" : line.symbology + ' ') +
               line.text + '|';
    }
    return out;
}
inline std::string lines_of(std::string_view job, Options options = {})
{
    return lines_of(drawn(job, std::move(options)));
}

inline std::string warnings_of(const Receipt& receipt)
{
    std::string out;
    for (const Warning& warning : receipt.warnings)
        out += warning.text + " x" + std::to_string(warning.count) + '|';
    return out;
}
inline std::string notes_of(const Receipt& receipt)
{
    std::string out;
    for (const Note& note : receipt.notes) out += note.text + '|';
    return out;
}

// The dots of a part of the picture.
inline std::string dots(const Receipt& receipt, Rectangle part)
{
    Picture picture{part.width, part.height};
    picture.grow(part.height);
    for (int y = 0; y < part.height; ++y)
        for (int x = 0; x < part.width; ++x)
            if (receipt.picture.at(part.x + x, part.y + y)) picture.set(x, y);
    return as_ascii(picture);
}

// How many dots are black in a part.
inline int black(const Receipt& receipt, Rectangle part)
{
    const std::string text = dots(receipt, part);
    return static_cast<int>(std::count(text.begin(), text.end(), '#'));
}

} // namespace agenthost::printer::render::test
