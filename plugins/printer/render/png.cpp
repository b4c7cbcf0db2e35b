#include "png.hpp"

#include <png.h>

#include <algorithm>

namespace agenthost::printer::render {

namespace {

struct Output {
    const PngSink* sink;
};

// libpng leaves by longjmp: no frame between png_error and setjmp may own anything.
void write_piece(png_structp png, png_bytep bytes, png_size_t size)
{
    auto* const output = static_cast<Output*>(png_get_io_ptr(png));
    if (!(*output->sink)({bytes, size})) png_error(png, "ended");
}
[[noreturn]] void leave(png_structp png, png_const_charp) { png_longjmp(png, 1); }
void ignore_warning(png_structp, png_const_charp) {}

void write_rows(png_structp png, png_infop info, const Picture& picture, PngOptions options,
                std::vector<std::uint8_t>& row)
{
    const int height = picture.height() + 2 * options.margin;
    const auto width = static_cast<png_uint_32>(picture.width() + 2 * options.margin);
    png_set_IHDR(png, info, width, static_cast<png_uint_32>(std::max(1, height)), 1, PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    const auto metre = static_cast<png_uint_32>(options.dots_per_metre);
    png_set_pHYs(png, info, metre, metre, PNG_RESOLUTION_METER);
    // Dots hardly compress better with more effort, and a receipt is drawn while someone waits.
    png_set_compression_level(png, 3);
    png_set_filter(png, 0, PNG_FILTER_NONE);
    png_write_info(png, info);
    const auto white = [&](int rows) {
        std::ranges::fill(row, 0xff);
        for (int i = 0; i < rows; ++i) png_write_row(png, row.data());
    };
    white(height == 0 ? 1 : options.margin);
    for (int y = 0; y < picture.height(); ++y) {
        const auto dots = picture.row(y);
        std::ranges::transform(dots, row.begin() + options.margin / 8,
                               [](std::uint8_t byte) { return static_cast<std::uint8_t>(~byte); });
        png_write_row(png, row.data());
    }
    white(options.margin);
    png_write_end(png, info);
}

} // namespace

bool write_png(const Picture& picture, const PngSink& sink, PngOptions options)
{
    Output output{&sink};
    std::vector<std::uint8_t> row(static_cast<std::size_t>(picture.width() + 2 * options.margin + 7) / 8);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, leave, ignore_warning);
    if (!png) return false;
    png_infop info = png_create_info_struct(png);
    // NOLINTNEXTLINE(cert-err52-cpp): libpng's way to report errors; nothing is constructed after it
    if (!info || setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_set_write_fn(png, &output, write_piece, nullptr);
    write_rows(png, info, picture, options, row);
    png_destroy_write_struct(&png, &info);
    return true;
}

std::vector<std::uint8_t> as_png(const Picture& picture, PngOptions options)
{
    std::vector<std::uint8_t> file;
    const bool done = write_png(
        picture,
        [&](std::span<const std::uint8_t> piece) {
            file.insert(file.end(), piece.begin(), piece.end());
            return true;
        },
        options);
    if (!done) throw std::runtime_error{"not enough memory for a picture"};
    return file;
}

} // namespace agenthost::printer::render
