#include "profile.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace agenthost::printer {

namespace {

// Code pages as number=charset. Pages whose contents are not known for sure (Thai, Farsi, makers' own) are left out.
constexpr std::string_view epson_t88ii = "0=cp437 2=cp850 3=cp860 4=cp863 5=cp865 16=cp1252";
constexpr std::string_view epson_t88iii =
    "0=cp437 1=katakana 2=cp850 3=cp860 4=cp863 5=cp865 16=cp1252 17=cp866 18=cp862 19=cp858";
constexpr std::string_view epson_t88iv =
    "0=cp437 1=katakana 2=cp850 3=cp860 4=cp863 5=cp865 16=cp1252 17=cp866 18=cp852 19=cp858";
constexpr std::string_view epson =
    "0=cp437 1=katakana 2=cp850 3=cp860 4=cp863 5=cp865 13=cp857 14=cp737 15=iso8859-7 16=cp1252 17=cp866 "
    "18=cp852 19=cp858 "
    "30=tcvn3 33=cp775 34=cp855 35=cp861 36=cp862 37=cp864 38=cp869 39=iso8859-2 40=iso8859-15 42=cp774 "
    "43=cp772 44=cp1125 "
    "45=cp1250 46=cp1251 47=cp1253 48=cp1254 49=cp1255 50=cp1256 51=cp1257 52=cp1258 53=kz1048";
// What an unknown ESC/POS printer most likely has.
constexpr std::string_view common =
    "0=cp437 2=cp850 3=cp860 4=cp863 5=cp865 16=cp1252 17=cp866 18=cp852 19=cp858";
constexpr std::string_view bixolon_old = "0=cp437 1=katakana 2=cp850 3=cp860 4=cp863 5=cp865 19=cp858";
constexpr std::string_view bixolon = "0=cp437 1=katakana 2=cp850 3=cp860 4=cp863 5=cp865 16=cp1252 17=cp866 "
                                     "18=cp852 19=cp858 21=cp862 22=cp864 24=cp1253 25=cp1254 "
                                     "26=cp1257 28=cp1251 29=cp737 30=cp775 33=cp1255 36=cp855 37=cp857 "
                                     "38=iso8859-7 40=cp1256 41=cp1258 47=cp1250";
constexpr std::string_view citizen_s310 = "0=cp437 1=katakana 2=cp858 3=cp860 4=cp863 5=cp865 6=cp852 "
                                          "7=cp866 8=cp857 16=cp1252 30=tcvn3 32=cp1258 40=cp864";
constexpr std::string_view citizen_s651 =
    "0=cp437 1=katakana 2=cp850 3=cp860 4=cp863 5=cp865 13=cp857 14=cp737 15=iso8859-7 16=cp1252 17=cp866 "
    "18=cp852 30=tcvn3 33=cp775 "
    "34=cp855 35=cp861 36=cp862 37=cp864 38=cp869 39=iso8859-2 40=iso8859-15 42=cp774 43=cp772 44=cp1125 "
    "45=cp1250 46=cp1251 47=cp1253 "
    "48=cp1254 49=cp1255 50=cp1256 51=cp1257 52=cp1258 53=kz1048";
constexpr std::string_view sunmi = "0=cp437 2=cp850 3=cp860 4=cp863 5=cp865 13=cp857 14=cp737 15=iso8859-7 "
                                   "16=cp1252 17=cp866 18=cp852 19=cp858 21=cp874 33=cp775 "
                                   "34=cp855 36=cp862 37=cp864";
constexpr std::string_view xprinter = "0=cp437 2=cp850 3=cp860 4=cp863 5=cp865 6=iso8859-1 7=cp1253 "
                                      "11=cp1255 16=cp1252 17=cp866 18=cp852 19=cp858 22=cp864 23=cp1251 "
                                      "24=cp737 25=cp1257 33=cp1256";
constexpr std::string_view zjiang = "0=cp437 2=cp850 3=cp860 4=cp863 5=cp865 16=cp1252 17=cp866 18=cp852 "
                                    "19=cp858 25=cp1257 28=cp864 32=cp1255 56=cp861 60=cp855 "
                                    "61=cp857 62=cp862 64=cp737 66=cp869 68=cp772 69=cp774 72=cp1250 "
                                    "73=cp1251 86=cp3011 87=cp3012 90=cp1253 91=cp1254 92=cp1256 "
                                    "93=cp720 94=cp1258 95=cp775";
constexpr std::string_view rongta =
    "0=cp437 2=cp850 3=cp860 4=cp863 5=cp865 6=cp1251 7=cp866 15=cp862 16=cp1252 17=cp1253 18=cp852 19=cp858 "
    "23=iso8859-1 24=cp737 "
    "25=cp1257 27=cp720 28=cp855 29=cp857 30=cp1250 31=cp775 32=cp1254 33=cp1255 34=cp1256 35=cp1258 "
    "36=iso8859-2 37=iso8859-3 "
    "38=iso8859-4 39=iso8859-5 40=iso8859-6 41=iso8859-7 42=iso8859-8 43=iso8859-9 44=iso8859-15 47=cp874";
constexpr std::string_view only_ascii_and_437 = "0=cp437";

// Bits of Row::has.
constexpr unsigned partial = 1, full = 2, drawer = 4, qr = 8, no_raster = 16, basic_barcodes = 32,
                   no_barcodes = 64, column = 128;
constexpr unsigned desk = partial | full | drawer | qr;

// What can be asked of the model: bits of Row::answers.
constexpr unsigned realtime = 1, process_id_proof = 2, clears = 4;
constexpr unsigned modern = realtime | process_id_proof | clears;

struct Row {
    std::string_view name, vendor;
    unsigned dots, dpi, a, b;
    std::string_view pages;
    unsigned has, answers;
    // Rows that page mode and the raster buffer hold at full width; 0: commit printing is not known to work.
    unsigned buffer_rows;
    unsigned raster_rows;
    std::string_view cjk = {};
    bool cjk_at_start = false;
};

// From the makers' references: the longest area of page mode on Epson's 80 mm models.
constexpr unsigned epson_rows = 1'662;

constexpr std::array<Row, 41> rows{{
    {"bixolon-srp-350", "Bixolon", 512, 180, 42, 56, bixolon_old, partial | full | drawer, realtime, 0, 128},
    {"bixolon-srp-350iii", "Bixolon", 512, 180, 42, 56, bixolon, desk, realtime, 0, 128},
    {"bixolon-srp-s300", "Bixolon", 640, 203, 48, 64, epson, desk, realtime, 0, 128},
    {"citizen-ct-s310ii", "Citizen", 576, 203, 48, 64, citizen_s310, desk, realtime, 0, 128},
    {"citizen-ct-s651", "Citizen", 640, 203, 48, 64, citizen_s651, desk, realtime, 0, 128},
    {"default", "", 576, 203, 42, 56, common, desk, realtime, 0, 128},
    {"epson", "Epson", 512, 180, 42, 56, epson_t88iv, desk, realtime, 0, 128},
    {"generic-cjk-58", "", 384, 203, 32, 42, common, drawer, 0, 0, 24, "gb18030", true},
    {"generic-cjk-80", "", 576, 203, 48, 64, common, desk, realtime, 0, 64, "gb18030", true},
    {"goojprt-58", "GoojPRT", 384, 203, 32, 42, zjiang, drawer, 0, 0, 24, "gb18030", true},
    {"pos-58", "", 384, 203, 32, 42, zjiang, drawer | basic_barcodes, 0, 0, 24, "gb18030", true},
    {"pos-80", "", 576, 203, 48, 64, zjiang, desk, realtime, 0, 64, "gb18030", true},
    {"rongta-rp326", "Rongta", 576, 203, 48, 64, rongta, desk, realtime, 0, 64, "gb18030", true},
    {"rongta-rpp-58", "Rongta", 384, 203, 32, 42, rongta, drawer, realtime, 0, 32, "gb18030", true},
    {"simple", "", 576, 203, 42, 56, only_ascii_and_437,
     partial | drawer | basic_barcodes | column | no_raster, 0, 0, 24},
    {"star-escpos", "Star Micronics", 576, 203, 48, 64, epson_t88iv, desk, realtime, 0, 128},
    {"sunmi-58", "Sunmi", 384, 203, 32, 42, sunmi, qr, 0, 0, 64, "gb18030", true},
    {"sunmi-80", "Sunmi", 576, 203, 48, 64, sunmi, desk, realtime, 0, 64, "gb18030", true},
    {"tm-l90", "Epson", 576, 203, 48, 64, epson, desk, modern, 0, 128},
    {"tm-m30", "Epson", 576, 203, 48, 64, epson, desk, modern, epson_rows, 255},
    {"tm-p80", "Epson", 576, 203, 42, 56, epson, partial | qr, modern, 0, 128},
    {"tm-t20", "Epson", 576, 203, 48, 64, epson, desk, modern, epson_rows, 128},
    {"tm-t20ii", "Epson", 576, 203, 48, 64, epson, desk, modern, epson_rows, 128},
    {"tm-t20iii", "Epson", 576, 203, 48, 64, epson, desk, modern, epson_rows, 255},
    {"tm-t20iv", "Epson", 576, 203, 48, 64, epson, desk, modern, epson_rows, 255},
    {"tm-t70", "Epson", 512, 180, 42, 56, epson_t88iv, desk, realtime, 0, 128},
    {"tm-t70ii", "Epson", 512, 180, 42, 56, epson, desk, modern, epson_rows, 128},
    {"tm-t82", "Epson", 576, 203, 48, 64, epson, desk, modern, epson_rows, 128},
    {"tm-t88ii", "Epson", 512, 180, 42, 56, epson_t88ii, partial | full | drawer, realtime, 0, 128},
    {"tm-t88iii", "Epson", 512, 180, 42, 56, epson_t88iii, partial | full | drawer, realtime, 0, 128},
    {"tm-t88iv", "Epson", 512, 180, 42, 56, epson_t88iv, desk, modern, 0, 128},
    {"tm-t88v", "Epson", 512, 180, 42, 56, epson, desk, modern, epson_rows, 128},
    {"tm-t88vi", "Epson", 512, 180, 42, 56, epson, desk, modern, epson_rows, 255},
    {"tm-t88vii", "Epson", 512, 180, 42, 56, epson, desk, modern, epson_rows, 255},
    {"tm-u220", "Epson", 400, 80, 33, 40, epson_t88iv, partial | drawer | no_barcodes | no_raster, realtime,
     0, 8},
    {"xprinter-58", "Xprinter", 384, 203, 32, 42, xprinter, drawer, realtime, 0, 24, "gb18030", true},
    {"xprinter-80", "Xprinter", 576, 203, 48, 64, xprinter, desk, realtime, 0, 64, "gb18030", true},
    {"zj-5870", "Zjiang", 384, 203, 32, 42, common, drawer | no_barcodes, 0, 0, 24, "gb18030", true},
    {"zj-5890", "Zjiang", 384, 203, 32, 42, zjiang, drawer | basic_barcodes, 0, 0, 24, "gb18030", true},
    {"zj-8330", "Zjiang", 576, 203, 48, 64, zjiang, desk, realtime, 0, 64, "gb18030", true},
    {"zj-8360", "Zjiang", 576, 203, 48, 64, zjiang, desk, realtime, 0, 64, "gb18030", true},
}};

std::vector<PageNumber> read_pages(std::string_view text)
{
    std::vector<PageNumber> pages;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view entry = text.substr(0, end);
        const std::size_t equals = entry.find('=');
        PageNumber page{0, std::string{entry.substr(equals + 1)}};
        std::from_chars(entry.data(), entry.data() + equals, page.number);
        pages.push_back(std::move(page));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return pages;
}

Model model_of(const Row& row)
{
    Model model;
    model.profile = row.name;
    model.realtime_status = (row.answers & realtime) != 0;
    model.clear_buffer = (row.answers & clears) != 0;
    model.confirmation = (row.answers & process_id_proof) != 0 ? Confirmation::process_id
                         : model.realtime_status               ? Confirmation::status
                                                               : Confirmation::none;
    model.commit_buffer = static_cast<std::size_t>(row.buffer_rows) * ((row.dots + 7) / 8);
    model.raster_rows = row.raster_rows;
    return model;
}

Profile profile_of(const Row& row)
{
    Profile profile;
    profile.name = row.name;
    profile.vendor = row.vendor;
    profile.dots = row.dots;
    profile.dpi = row.dpi;
    profile.columns_a = row.a;
    profile.columns_b = row.b;
    profile.pages = read_pages(row.pages);
    profile.cjk = {std::string{row.cjk}, {}, row.cjk_at_start};
    profile.partial_cut = (row.has & partial) != 0;
    profile.full_cut = (row.has & full) != 0;
    profile.drawer = (row.has & drawer) != 0;
    profile.qr = (row.has & qr) != 0;
    profile.barcodes = (row.has & no_barcodes) != 0      ? Barcodes::none
                       : (row.has & basic_barcodes) != 0 ? Barcodes::basic
                                                         : Barcodes::full;
    profile.image = (row.has & no_raster) == 0 ? Image::raster
                    : (row.has & column) != 0  ? Image::column
                                               : Image::none;
    profile.model = model_of(row);
    return profile;
}

} // namespace

std::optional<Profile> find_profile(std::string_view name)
{
    const auto row = std::ranges::lower_bound(rows, name, {}, &Row::name);
    if (row == rows.end() || row->name != name) return std::nullopt;
    return profile_of(*row);
}

std::vector<std::string_view> profile_names()
{
    std::vector<std::string_view> names;
    names.reserve(rows.size());
    for (const Row& row : rows) names.push_back(row.name);
    return names;
}

} // namespace agenthost::printer
