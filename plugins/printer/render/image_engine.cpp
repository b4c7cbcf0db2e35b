#include "image_engine.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::printer::render {

using escpos::Command;
using escpos::esc;
using escpos::fs;
using escpos::gs;

namespace {

// Names of stored images: the kind in the high half, a number or a key code of two characters in the low
// half.
constexpr std::uint32_t downloaded_kind = 1U << 16U, nv_graphics_kind = 2U << 16U,
                        download_graphics_kind = 3U << 16U, nv_numbered_kind = 4U << 16U, low_half = 0xffff;
constexpr std::size_t max_row_bytes = 512;

std::uint16_t pair(Bytes bytes, std::size_t i)
{
    return static_cast<std::uint16_t>(i + 1 < bytes.size() ? bytes[i] | bytes[i + 1] << 8 : 0);
}
std::uint32_t key(Bytes bytes, std::size_t i) { return pair(bytes, i); }

} // namespace

void ImageEngine::reset()
{
    stored_.erase(downloaded_kind, downloaded_kind | low_half);
    stored_.erase(download_graphics_kind, download_graphics_kind | low_half);
    buffered_ = {};
    raster_ = {};
}

bool ImageEngine::begin_stream(const Command& c)
{
    if (c.op != gs('v', '0')) return false;
    text_.end_line();
    const int mode = c.arg(0) >= '0' ? c.arg(0) - '0' : c.arg(0);
    raster_.x_scale = (mode & 1) != 0 ? 2 : 1;
    raster_.y_scale = (mode & 2) != 0 ? 2 : 1;
    raster_.stride = c.arg16(1);
    raster_.dots = static_cast<int>(std::min(raster_.stride, max_row_bytes) * 8);
    const int width = static_cast<int>(raster_.stride) * 8 * raster_.x_scale;
    if (width > text_.layout().width && c.data_size > 0)
        paper_.warn("an image is wider than the printing area");
    raster_.x = text_.layout().x_of(width);
    raster_.y = paper_.y();
    raster_.rows = 0;
    raster_.received = 0;
    raster_.row.clear();
    return true;
}

void ImageEngine::stream(Bytes data)
{
    while (!data.empty()) {
        const std::size_t size = std::min(data.size(), raster_.stride - raster_.received);
        const std::size_t wanted = max_row_bytes - std::min(max_row_bytes, raster_.received);
        raster_.row.insert(raster_.row.end(), data.begin(),
                           data.begin() + static_cast<std::ptrdiff_t>(std::min(size, wanted)));
        raster_.received += size;
        data = data.subspan(size);
        if (raster_.received == raster_.stride) raster_row();
    }
}

void ImageEngine::raster_row()
{
    if (paper_.begin(raster_.y_scale, static_cast<std::uint64_t>(std::min(raster_.dots, paper_.width())))) {
        Surface surface = paper_.surface();
        draw_row(surface, raster_.x, paper_.y(), raster_.row, raster_.dots, raster_.x_scale, raster_.y_scale);
        ++raster_.rows;
    }
    paper_.advance(raster_.y_scale);
    raster_.row.clear();
    raster_.received = 0;
}

void ImageEngine::end_stream()
{
    if (raster_.received > 0) raster_row();
    if (raster_.rows > 0) {
        const int width = static_cast<int>(raster_.stride) * 8 * raster_.x_scale,
                  height = raster_.rows * raster_.y_scale;
        paper_.add({TextLine::Kind::image,
                    {raster_.x, raster_.y, width, height},
                    std::to_string(width) + 'x' + std::to_string(height),
                    {}});
    }
    raster_.rows = 0;
}

bool ImageEngine::run(const Command& c, Bytes data)
{
    switch (c.op) {
    case esc('*'): columns(c, data); return true;
    case gs('Q', '0'):
        text_.end_line();
        print(image_of_columns(c.arg16(1), c.arg16(3), data), (c.arg(0) & 1) + 1, (c.arg(0) >> 1 & 1) + 1);
        return true;
    case gs('*'): keep(downloaded_kind, image_of_columns(c.arg(0) * 8, c.arg(1), data)); return true;
    case gs('/'): print_stored(downloaded_kind, (c.arg(0) & 1) + 1, (c.arg(0) >> 1 & 1) + 1); return true;
    case fs('q'): define_numbered(c.arg(0), data); return true;
    case fs('p'):
        print_stored(nv_numbered_kind | c.arg(0), (c.arg(1) & 1) + 1, (c.arg(1) >> 1 & 1) + 1);
        return true;
    case gs('(', 'L'):
    case gs('8', 'L'): graphics(data); return true;
    case gs('D'): paper_.warn("GS D: a stored BMP file is not drawn"); return true;
    default: return false;
    }
}

// 8 dots of a column are three times as high as those of 24.
void ImageEngine::columns(const Command& c, Bytes data)
{
    const std::uint8_t mode = c.arg(0);
    const bool high = mode >= 32;
    if (mode != 0 && mode != 1 && mode != 32 && mode != 33) paper_.warn("ESC *: unknown density");
    text_.add_image(image_of_columns(c.arg16(1), high ? 3 : 1, data), (mode & 1) != 0 ? 1 : 2, high ? 1 : 3);
}

void ImageEngine::graphics(Bytes data)
{
    if (data.size() < 2) return;
    const Bytes parameters = data.subspan(2);
    switch (const std::uint8_t function = data[1]) {
    case 2:
    case 50:
        text_.end_line();
        if (buffered_.height == 0) return paper_.warn("GS ( L: there is no image to print");
        return print(std::exchange(buffered_, {}), buffered_x_, buffered_y_);
    case 112:
    case 113: {
        // a bx by c xL xH yL yH
        if (parameters.size() < 8) return;
        buffered_x_ = parameters[1] == 2 ? 2 : 1;
        buffered_y_ = parameters[2] == 2 ? 2 : 1;
        const int width = pair(parameters, 4), height = pair(parameters, 6);
        buffered_ = function == 112 ? image_of_rows(width, height, parameters.subspan(8))
                                    : image_of_columns(width, (height + 7) / 8, parameters.subspan(8));
        return;
    }
    case 67: return define_graphics(nv_graphics_kind, parameters, false);
    case 68: return define_graphics(nv_graphics_kind, parameters, true);
    case 83: return define_graphics(download_graphics_kind, parameters, false);
    case 84: return define_graphics(download_graphics_kind, parameters, true);
    case 65: return stored_.erase(nv_graphics_kind, nv_graphics_kind | low_half);
    case 66: return stored_.erase(nv_graphics_kind | key(parameters, 0));
    case 81: return stored_.erase(download_graphics_kind, download_graphics_kind | low_half);
    case 82: return stored_.erase(download_graphics_kind | key(parameters, 0));
    case 69:
    case 85:
        if (parameters.size() < 4) return;
        return print_stored((function == 69 ? nv_graphics_kind : download_graphics_kind) | key(parameters, 0),
                            parameters[2] == 2 ? 2 : 1, parameters[3] == 2 ? 2 : 1);
    default: return; // questions about memory
    }
}

// a kc1 kc2 b xL xH yL yH c data; of several colours the first is drawn.
void ImageEngine::define_graphics(std::uint32_t kind, Bytes parameters, bool in_columns)
{
    if (parameters.size() < 9) return;
    const int width = pair(parameters, 4), height = pair(parameters, 6);
    const Bytes data = parameters.subspan(9);
    keep(kind | key(parameters, 1),
         in_columns ? image_of_columns(width, (height + 7) / 8, data) : image_of_rows(width, height, data));
}

void ImageEngine::keep(std::uint32_t name, Image image)
{
    if (!stored_.put(name, std::move(image)))
        paper_.warn("an image was not stored: the job stores more than the renderer keeps");
}

void ImageEngine::print_stored(std::uint32_t name, int x_scale, int y_scale)
{
    text_.end_line();
    if (const Image* image = stored_.find(name)) return print(*image, x_scale, y_scale);
    paper_.warn("an image that is stored in the printer was not drawn: the job does not contain it");
}

void ImageEngine::print(const Image& image, int x_scale, int y_scale)
{
    print_image(paper_, text_.layout(), image, x_scale, y_scale);
}

// FS q replaces all of them: xL xH yL yH, in bytes of eight dots, then columns.
void ImageEngine::define_numbered(int count, Bytes data)
{
    stored_.erase(nv_numbered_kind, nv_numbered_kind | low_half);
    for (int number = 1; number <= count && data.size() >= 4; ++number) {
        const std::size_t width = pair(data, 0), height = pair(data, 2);
        data = data.subspan(4);
        const std::size_t size = std::min(width * height * 8, data.size());
        keep(nv_numbered_kind | static_cast<std::uint32_t>(number),
             image_of_columns(static_cast<int>(width) * 8, static_cast<int>(height), data.first(size)));
        data = data.subspan(size);
    }
}

} // namespace agenthost::printer::render
