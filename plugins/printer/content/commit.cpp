#include "commit.hpp"

namespace agenthost::printer {

namespace {

constexpr std::uint8_t esc = 0x1B, gs = 0x1D, ff = 0x0C;
// What the length of GS ( L can say.
constexpr std::size_t max_payload = 65'535;
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

std::optional<Committed> commit_by_page(std::span<const std::uint8_t> job, const Model& model,
                                        const ShapeOf& shape_of)
{
    if (model.commit_buffer == 0 || !shape_of) return std::nullopt;
    const auto shape = shape_of(job);
    if (!shape || !shape->safe_in_page_mode) return std::nullopt;
    if (shape->begin > shape->end || shape->end > job.size() || job.size() - shape->end >= max_commit_tail)
        return std::nullopt;
    const auto content = job.subspan(shape->begin, shape->end - shape->begin);
    if (content.empty() || content.size() > model.commit_buffer) return std::nullopt;
    if (!holds(model, shape->width_dots, shape->height_dots)) return std::nullopt;

    Committed out;
    append(out.bytes, job.first(shape->begin));
    const auto width = (shape->width_dots + 7) / 8 * 8, height = shape->height_dots;
    // Page mode; its area from the origin; printed left to right.
    const std::uint8_t area[] = {esc,        'L',         esc,         'W',          0,   0,   0, 0,
                                 low(width), high(width), low(height), high(height), esc, 'T', 0};
    append(out.bytes, area);
    append(out.bytes, content);
    out.commits_at = out.bytes.size();
    out.bytes.push_back(ff);
    append(out.bytes, job.subspan(shape->end));
    return out;
}

std::optional<Committed> commit_by_raster(const Bitmap& picture, std::span<const std::uint8_t> tail,
                                          const Model& model)
{
    constexpr std::size_t head = 10;
    if (tail.size() >= max_commit_tail || !holds(model, picture.width, picture.height)) return std::nullopt;
    if (picture.bits.size() != picture.row_bytes() * picture.height ||
        picture.bits.size() + head > max_payload)
        return std::nullopt;
    const std::size_t payload = picture.bits.size() + head;
    Committed out;
    const std::uint8_t store[] = {gs,
                                  '(',
                                  'L',
                                  low(payload),
                                  high(payload),
                                  48,
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
    append(out.bytes, print);
    // A command runs when its last byte has come.
    out.commits_at = out.bytes.size() - 1;
    append(out.bytes, tail);
    return out;
}

} // namespace agenthost::printer
