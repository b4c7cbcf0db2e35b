#include "wide_font.hpp"

#include "base/fd.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace agenthost::printer::render {

namespace {

constexpr int dot_units = 4, baseline_row = 14;

// Draws an outline of horizontal and vertical lines by its vertical ones: a dot is black if an odd number of
// them is left of it.
class OutlineReader {
public:
    explicit OutlineReader(std::span<const std::uint8_t> code) : code_{code} {}

    std::optional<Glyph> read(int width)
    {
        while (at_ < code_.size()) {
            const std::uint8_t byte = code_[at_++];
            if (byte >= 32 || byte == 28) {
                if (!push(byte)) return std::nullopt;
            } else if (byte == 14) {
                close();
                return drawn(width);
            } else if (!run(byte)) {
                return std::nullopt;
            }
        }
        return std::nullopt;
    }

private:
    struct Edge {
        int x, low, high;
    };

    std::uint8_t next() { return at_ < code_.size() ? code_[at_++] : 0; }
    bool push(std::uint8_t byte)
    {
        if (count_ == stack_.size() || byte == 255) return false;
        int value = byte - 139;
        if (byte == 28) {
            const unsigned high = next();
            value = static_cast<std::int16_t>(high << 8U | next());
        } else if (byte >= 251) {
            value = -(byte - 251) * 256 - next() - 108;
        } else if (byte >= 247) {
            value = (byte - 247) * 256 + next() + 108;
        }
        stack_[count_++] = value;
        return true;
    }
    bool run(std::uint8_t op)
    {
        switch (op) {
        case 4: // vmoveto
            if (count_ < 1) return false;
            move(0, stack_[count_ - 1]);
            break;
        case 21: // rmoveto
            if (count_ < 2) return false;
            move(stack_[count_ - 2], stack_[count_ - 1]);
            break;
        case 22: // hmoveto
            if (count_ < 1) return false;
            move(stack_[count_ - 1], 0);
            break;
        case 6: // hlineto
        case 7: // vlineto
            for (std::size_t i = 0; i < count_; ++i) {
                if ((i % 2 == 0) == (op == 6))
                    x_ += stack_[i];
                else
                    vertical(stack_[i]);
            }
            break;
        default: return false;
        }
        count_ = 0;
        return edges_.size() < 1'024;
    }
    void vertical(int dy)
    {
        edges_.push_back({x_, std::min(y_, y_ + dy), std::max(y_, y_ + dy)});
        y_ += dy;
    }
    void close()
    {
        // The pen stays where it is.
        const int y = y_;
        if (y_ != start_y_) vertical(start_y_ - y_);
        y_ = y;
    }
    void move(int dx, int dy)
    {
        close();
        x_ += dx;
        y_ += dy;
        start_y_ = y_;
    }
    [[nodiscard]] Glyph drawn(int width) const
    {
        Glyph glyph{width, 16, {}};
        for (const Edge& edge : edges_) {
            const int first = std::clamp(edge.x / dot_units, 0, width);
            const std::uint32_t right_of = first >= 32 ? 0 : ~0U >> first & ~0U << (32 - width);
            for (int row = 0; row < 16; ++row) {
                const int middle = (baseline_row - 1 - row) * dot_units + dot_units / 2;
                if (edge.low < middle && middle < edge.high)
                    glyph.rows[static_cast<std::size_t>(row)] ^= right_of;
            }
        }
        return glyph;
    }

    std::span<const std::uint8_t> code_;
    std::size_t at_ = 0, count_ = 0;
    std::array<int, 48> stack_{};
    int x_ = 0, y_ = 0, start_y_ = 0;
    std::vector<Edge> edges_;
};

} // namespace

std::unique_ptr<WideFont> WideFont::open(const std::string& file)
{
    const base::Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    struct stat info {};
    if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_size < 1'024)
        return nullptr;
    const auto size = static_cast<std::size_t>(info.st_size);
    void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (mapped == MAP_FAILED) return nullptr;
    ::madvise(mapped, size, MADV_RANDOM);
    std::unique_ptr<WideFont> font{new WideFont{{static_cast<const std::uint8_t*>(mapped), size}}};
    return font->read_tables() ? std::move(font) : nullptr;
}

const WideFont* WideFont::installed()
{
    static const std::unique_ptr<WideFont> font = [] {
        for (const char* file :
             {"/usr/share/fonts/opentype/unifont/unifont.otf", "/usr/share/fonts/unifont/unifont.otf",
              "/usr/share/fonts/unifont-fonts/unifont.otf"}) {
            if (auto found = open(file)) return found;
        }
        return std::unique_ptr<WideFont>{};
    }();
    return font.get();
}

WideFont::~WideFont() { ::munmap(const_cast<std::uint8_t*>(file_.data()), file_.size()); }

std::uint32_t WideFont::number(std::size_t at, std::size_t bytes) const
{
    if (bytes > 4 || at > file_.size() || file_.size() - at < bytes) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | file_[at + i];
    return value;
}

bool WideFont::read_tables()
{
    constexpr std::uint32_t cff = 0x43464620, cmap = 0x636d6170, head = 0x68656164, hmtx = 0x686d7478;
    if (number(0, 4) != 0x4f54544f) return false; // "OTTO"
    std::size_t outlines = 0;
    for (std::size_t i = 0; i < number(4, 2); ++i) {
        const std::size_t entry = 12 + 16 * i, at = number(entry + 8, 4);
        switch (number(entry, 4)) {
        case cff: outlines = at; break;
        case hmtx: widths_ = at; break;
        case head:
            if (number(at + 18, 2) != 64) return false;
            break;
        case cmap:
            for (std::size_t j = 0; j < number(at + 2, 2); ++j) {
                const std::size_t table = at + number(at + 8 + 8 * j, 4);
                if (number(table, 2) == 12) characters_ = table;
            }
            break;
        default: break;
        }
    }
    return outlines != 0 && widths_ != 0 && characters_ != 0 && read_outlines(outlines);
}

// Skips the name index and finds the offset of the outlines in the top dictionary.
bool WideFont::read_outlines(std::size_t cff)
{
    const std::size_t names = cff + number(cff + 2, 1);
    const auto end_of = [&](std::size_t index) {
        const std::uint32_t count = number(index, 2), size = number(index + 2, 1);
        if (count == 0) return index + 2;
        return index + 3 + std::size_t{size} * (count + 1) - 1 +
               number(index + 3 + std::size_t{size} * count, size);
    };
    const std::size_t dictionaries = end_of(names), size = number(dictionaries + 2, 1);
    std::size_t at = dictionaries + 3 + 2 * size;
    const std::size_t end = std::min(end_of(dictionaries), file_.size());
    std::uint32_t operand = 0;
    while (at < end) {
        const std::uint32_t byte = number(at, 1);
        if (byte == 17) { // CharStrings
            outlines_ = cff + operand;
            glyphs_ = number(outlines_, 2);
            offset_size_ = number(outlines_ + 2, 1);
            return glyphs_ > 0 && offset_size_ >= 1 && offset_size_ <= 4;
        }
        if (byte == 29) {
            operand = number(at + 1, 4);
            at += 5;
        } else if (byte == 28) {
            operand = number(at + 1, 2);
            at += 3;
        } else if (byte >= 247 && byte <= 254) {
            at += 2;
        } else {
            ++at;
        }
    }
    return false;
}

std::uint32_t WideFont::glyph_of(char32_t code) const
{
    const std::uint32_t groups = std::min<std::uint32_t>(number(characters_ + 12, 4), 65'536);
    std::uint32_t low = 0, high = groups;
    while (low < high) {
        const std::uint32_t middle = low + (high - low) / 2;
        const std::size_t group = characters_ + 16 + std::size_t{12} * middle;
        if (code < number(group, 4))
            high = middle;
        else if (code > number(group + 4, 4))
            low = middle + 1;
        else
            return number(group + 8, 4) + (static_cast<std::uint32_t>(code) - number(group, 4));
    }
    return 0;
}

std::span<const std::uint8_t> WideFont::outline(std::uint32_t glyph) const
{
    if (glyph >= glyphs_) return {};
    const std::size_t offsets = outlines_ + 3, data = offsets + std::size_t{offset_size_} * (glyphs_ + 1) - 1;
    const std::size_t from = data + number(offsets + std::size_t{offset_size_} * glyph, offset_size_);
    const std::size_t to = data + number(offsets + std::size_t{offset_size_} * (glyph + 1), offset_size_);
    if (from > to || to > file_.size()) return {};
    return file_.subspan(from, to - from);
}

std::optional<Glyph> WideFont::find(char32_t code) const
{
    const std::uint32_t glyph = glyph_of(code);
    if (glyph == 0) return std::nullopt;
    const int width = number(widths_ + std::size_t{4} * glyph, 2) > 32 ? 16 : 8;
    return OutlineReader{outline(glyph)}.read(width);
}

} // namespace agenthost::printer::render
