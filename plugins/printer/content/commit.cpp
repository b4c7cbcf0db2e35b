#include "commit.hpp"

#include "raster.hpp"

#include <array>

namespace agenthost::printer {

namespace {

constexpr std::uint8_t esc = 0x1B, gs = 0x1D, ff = 0x0C;
// What the length of GS ( L can say; that of GS 8 L has four bytes.
constexpr std::size_t max_short_payload = 65'535;
// The largest height of a stored picture and of a page on the models that have either.
constexpr unsigned max_rows = 1'662;

std::uint8_t low(std::size_t n) { return static_cast<std::uint8_t>(n & 0xFF); }
std::uint8_t high(std::size_t n) { return static_cast<std::uint8_t>(n >> 8 & 0xFF); }

void append(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> bytes)
{
    out.insert(out.end(), bytes.begin(), bytes.end());
}

bool holds(const Model& model, unsigned width, unsigned height)
{
    const std::size_t bytes = std::size_t{(width + 7) / 8} * height;
    return width > 0 && height > 0 && height <= max_rows && bytes <= model.commit_buffer;
}

} // namespace

std::optional<Committed> commit_by_page(const Bitmap& picture, std::span<const std::uint8_t> tail,
                                        const Model& model)
{
    // One band more than the picture has: models differ in where the first one stands.
    const unsigned height = (picture.height + band_rows - 1) / band_rows * band_rows + band_rows;
    if (tail.size() > max_cut_tail || picture.height == 0 || !holds(model, picture.width, height))
        return std::nullopt;
    Committed out;
    // Page mode; its area from the origin; printed from left to right.
    const auto width = picture.row_bytes() * 8;
    const std::uint8_t area[] = {esc,        'L',         esc,         'W',          0,   0,   0, 0,
                                 low(width), high(width), low(height), high(height), esc, 'T', 0};
    append(out.bytes, area);
    append_bands(out.bytes, picture, picture.width);
    out.commits_at = out.bytes.size();
    out.bytes.push_back(ff);
    append(out.bytes, tail);
    return out;
}

std::optional<Committed> commit_by_raster(const Bitmap& picture, std::span<const std::uint8_t> tail,
                                          const Model& model)
{
    constexpr std::size_t head = 10;
    if (tail.size() > max_cut_tail || !holds(model, picture.width, picture.height)) return std::nullopt;
    if (picture.bits.size() != picture.row_bytes() * picture.height) return std::nullopt;
    const std::size_t payload = picture.bits.size() + head;
    Committed out;
    if (payload <= max_short_payload)
        append(out.bytes, std::array<std::uint8_t, 5>{gs, '(', 'L', low(payload), high(payload)});
    else
        append(out.bytes, std::array<std::uint8_t, 7>{gs, '8', 'L', low(payload), high(payload),
                                                      low(payload >> 16), high(payload >> 16)});
    // Function 112, raster; one colour; the picture's size as it is.
    const std::uint8_t store[] = {48,
                                  112,
                                  48,
                                  1,
                                  1,
                                  49,
                                  low(picture.width),
                                  high(picture.width),
                                  low(picture.height),
                                  high(picture.height)};
    append(out.bytes, store);
    append(out.bytes, picture.bits);
    const std::uint8_t print[] = {gs, '(', 'L', 2, 0, 48, 50};
    out.commits_at = out.bytes.size();
    append(out.bytes, print);
    append(out.bytes, tail);
    return out;
}

} // namespace agenthost::printer
