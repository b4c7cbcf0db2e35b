// What one room offers in the form that another one asks for.
#pragma once

#include "plugins/printer/content/bitmap.hpp"
#include "plugins/printer/content/profile.hpp"
#include "plugins/printer/escpos/parser.hpp"
#include "plugins/printer/job/guard.hpp"
#include "plugins/printer/render/options.hpp"

#include <cstddef>
#include <optional>

namespace agenthost::printer::service {

// The parser counts for the jobs.
class ParserTracker final : public job::CommandTracker {
public:
    void reset() override { parser_ = escpos::Parser{}; }
    void feed(Bytes bytes) override { parser_.feed(bytes); }
    [[nodiscard]] std::size_t missing() const override { return static_cast<std::size_t>(parser_.missing()); }

private:
    escpos::Parser parser_;
};

// The rasteriser's glyphs for text that a printer's code pages lack.
class RenderGlyphs final : public GlyphSource {
public:
    [[nodiscard]] std::optional<Bitmap> glyph(char32_t character, unsigned width,
                                              unsigned height) const override;
};

// What the rasteriser has to imitate of a printer of this profile.
render::Options render_options(const Profile&);

} // namespace agenthost::printer::service
