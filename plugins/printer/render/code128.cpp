#include "code128.hpp"

#include <array>
#include <string_view>

namespace agenthost::printer::render {

namespace {

// ISO/IEC 15417, table 1: six widths a value; 103 to 105 start in set A, B, C. The stop has seven.
constexpr std::array<std::string_view, 106> patterns{
    "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212", "221213",
    "221312", "231212", "112232", "122132", "122231", "113222", "123122", "123221", "223211", "221132",
    "221231", "213212", "223112", "312131", "311222", "321122", "321221", "312212", "322112", "322211",
    "212123", "212321", "232121", "111323", "131123", "131321", "112313", "132113", "132311", "211313",
    "231113", "231311", "112133", "112331", "132131", "113123", "113321", "133121", "313121", "211331",
    "231131", "213113", "213311", "213131", "311123", "311321", "331121", "312113", "312311", "332111",
    "314111", "221411", "431111", "111224", "111422", "121124", "121421", "141122", "141221", "112214",
    "112412", "122114", "122411", "142112", "142211", "241211", "221114", "413111", "241112", "134111",
    "111242", "121142", "121241", "114212", "124112", "124211", "411212", "421112", "421211", "212141",
    "214121", "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311", "113141",
    "114131", "311141", "411131", "211412", "211214", "211232"};
constexpr std::string_view stop = "2331112";
constexpr int fnc1 = 102, fnc2 = 97, fnc3 = 96, shift = 98;

class Encoder {
public:
    bool take(std::span<const std::uint8_t> data)
    {
        for (std::size_t i = 0; i < data.size(); ++i) {
            const std::uint8_t byte = data[i];
            if (byte != '{') {
                if (!put(byte)) return false;
            } else if (++i == data.size() || !special(data[i])) {
                return false;
            }
        }
        return set_ != 0 && values_.size() > 1;
    }
    Code128 result()
    {
        unsigned sum = values_.front();
        for (std::size_t i = 1; i < values_.size(); ++i)
            sum = (sum + values_[i] * static_cast<unsigned>(i)) % 103;
        values_.push_back(static_cast<std::uint8_t>(sum));
        Code128 out{{}, std::move(text_)};
        for (const std::uint8_t value : values_) append(out, patterns[value]);
        append(out, stop);
        return out;
    }

private:
    static void append(Code128& out, std::string_view widths)
    {
        for (const char c : widths) out.widths.push_back(static_cast<std::uint8_t>(c - '0'));
    }
    void value(int v) { values_.push_back(static_cast<std::uint8_t>(v)); }
    bool special(std::uint8_t byte)
    {
        switch (byte) {
        case 'A':
        case 'B':
        case 'C': select(static_cast<char>(byte)); return true;
        case '{': return put('{');
        case 'S':
            if (set_ != 'A' && set_ != 'B') return false;
            value(shift);
            shifted_ = true;
            return true;
        case '1': value(fnc1); return set_ != 0;
        case '2': value(fnc2); return set_ == 'A' || set_ == 'B';
        case '3': value(fnc3); return set_ == 'A' || set_ == 'B';
        case '4': value(set_ == 'A' ? 101 : 100); return set_ == 'A' || set_ == 'B';
        default: return false;
        }
    }
    void select(char set)
    {
        if (set_ == 0)
            value(103 + set - 'A');
        else if (set != set_)
            value(set == 'A' ? 101 : set == 'B' ? 100 : 99);
        set_ = set;
        shifted_ = false;
    }
    bool put(std::uint8_t byte)
    {
        const char set = shifted_ ? (set_ == 'A' ? 'B' : 'A') : set_;
        shifted_ = false;
        if (set == 'C') {
            if (byte > 99) return false;
            text_ += static_cast<char>('0' + byte / 10);
            text_ += static_cast<char>('0' + byte % 10);
            value(byte);
            return true;
        }
        if (set == 0 || byte > 127 || (set == 'A' && byte > 95) || (set == 'B' && byte < 32)) return false;
        text_ += byte < 32 || byte == 127 ? ' ' : static_cast<char>(byte);
        value(byte < 32 ? byte + 64 : byte - 32);
        return true;
    }

    char set_ = 0;
    bool shifted_ = false;
    std::vector<std::uint8_t> values_;
    std::string text_;
};

} // namespace

std::optional<Code128> encode_code128(std::span<const std::uint8_t> data)
{
    Encoder encoder;
    if (!encoder.take(data)) return std::nullopt;
    return encoder.result();
}

} // namespace agenthost::printer::render
