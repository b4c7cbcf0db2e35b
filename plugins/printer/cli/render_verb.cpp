// agenthost print render: draws a job without any printer or daemon.
#include "verbs.hpp"

#include "plugins/printer/render/code_pages.hpp"
#include "plugins/printer/render/decoder.hpp"
#include "plugins/printer/render/png.hpp"
#include "plugins/printer/render/receipt_json.hpp"
#include "plugins/printer/render/renderer.hpp"

#include "base/fd.hpp"
#include "base/suggestion.hpp"
#include "base/visible.hpp"
#include "base/write_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <string_view>
#include <vector>

namespace agenthost::printer::cli {

const std::string_view render_usage =
    R"(render FILE          print what a job of ESC/POS would look like, as text; - is standard input
         -o, --output PNG    write it as a picture instead; - is standard output
         --text, --json      print the text, or lines with their places as JSON, beside the picture
         --width DOTS        of a printed line: 576 (80 mm paper, default), 384 (58 mm), 512, ...
         --page N=NAME       code page N of ESC t is NAME (cp866); default: as Epson counts. May be repeated
         --charset NAME      of Kanji mode: GB18030 (default), SHIFT_JIS, JIS, BIG5, EUC-KR, UTF-8
         --kanji             the printer starts in Kanji mode, as most Chinese ones do
         --no-cut-marks      draw no line where paper is cut
)";

namespace {

struct Wanted {
    std::string file, output;
    bool text = false, json = false;
    render::Options options;
};

constexpr std::array<std::string_view, 8> known_options{"--output", "--text",    "--json",  "--width",
                                                        "--page",   "--charset", "--kanji", "--no-cut-marks"};
constexpr std::array<std::string_view, 6> charsets{"GB18030", "SHIFT_JIS", "JIS", "BIG5", "EUC-KR", "UTF-8"};

std::string joined(std::span<const std::string_view> words)
{
    std::string out;
    for (const std::string_view word : words) out += (out.empty() ? "" : ", ") + std::string{word};
    return out;
}

void set_charset(render::Options& options, const std::string& name)
{
    if (!render::Decoder{name}.multi_byte(true))
        throw Usage{"--charset " + name + ": unknown character set" + base::did_you_mean(name, charsets) +
                    "\nknown character sets: " + joined(charsets) + ", and those that iconv -l lists"};
    options.charset = name;
}

void add_page(render::Options& options, const std::string& value)
{
    const std::size_t equals = value.find('=');
    if (equals == value.npos) throw Usage{"--page " + value + ": write N=NAME, such as 17=cp866"};
    const int page = number("--page", value.substr(0, equals), 0, 255);
    const std::string name = value.substr(equals + 1);
    if (!render::find_code_page(name)) {
        const auto known = render::code_page_names();
        throw Usage{"--page " + value + ": unknown code page \"" + name + '"' +
                    base::did_you_mean(name, known) + "\nknown code pages: " + joined(known)};
    }
    options.code_pages.emplace_back(static_cast<std::uint8_t>(page), name);
}

Wanted parse(Arguments args)
{
    Wanted wanted;
    std::string value;
    while (args.more()) {
        if (args.flag("--text")) {
            wanted.text = true;
        } else if (args.flag("--json")) {
            wanted.json = true;
        } else if (args.flag("--kanji")) {
            wanted.options.kanji = true;
        } else if (args.flag("--no-cut-marks")) {
            wanted.options.cut_marks = false;
        } else if (args.value("--output", wanted.output) || args.value("-o", wanted.output)) {
            continue;
        } else if (args.value("--charset", value)) {
            set_charset(wanted.options, value);
        } else if (args.value("--width", value)) {
            wanted.options.width = number("--width", value, 64, 2'048);
        } else if (args.value("--page", value)) {
            add_page(wanted.options, value);
        } else {
            args.reject_option(known_options);
            if (!wanted.file.empty())
                throw Usage{"unexpected \"" + args.word() +
                            "\": render takes one FILE; call it once for each file"};
            wanted.file = args.take();
        }
    }
    if (wanted.file.empty())
        throw Usage{"no FILE given: name a file of ESC/POS, or write - for standard input"};
    if (wanted.text && wanted.json)
        throw Usage{"--text and --json both go to standard output: use one of them"};
    if (wanted.output == "-" && (wanted.text || wanted.json))
        throw Usage{
            "-o - and --text or --json both go to standard output: write the picture to a file (-o FILE)"};
    return wanted;
}

std::string_view remedy(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR: return "Check the path";
    case EISDIR: return "Name a file in it";
    case EACCES:
    case EPERM: return "Change the file's permissions, or run this command as a user who has them";
    case EROFS: return "The file system is read-only; name a file elsewhere";
    case ENOSPC:
    case EDQUOT: return "Free space there, or name a file on another disk";
    case EFBIG: return "Raise the limit of the file size (ulimit -f)";
    case ENOMEM: return "Free memory, or raise its limit (ulimit -v)";
    case EMFILE:
    case ENFILE: return "Raise the limit of open files (ulimit -n)";
    case EPIPE: return "The program that reads the output has ended; look at its messages";
    case EIO: return "Check the disk and the kernel log (dmesg)";
    default: return "Try another file";
    }
}

// `error`: errno of the call that failed.
std::runtime_error failed(const std::string& verb, const std::string& what, int error)
{
    return std::runtime_error{"cannot " + verb + ' ' + what + ": " + std::strerror(error) + ". " +
                              std::string{remedy(error)} + '.'};
}

render::Receipt draw(const Wanted& wanted)
{
    base::Fd opened;
    if (wanted.file != "-") {
        opened.reset(::open(wanted.file.c_str(), O_RDONLY | O_CLOEXEC));
        if (!opened) throw failed("open", base::visible(wanted.file), errno);
    }
    const int fd = opened ? opened.get() : STDIN_FILENO;
    render::Renderer renderer{wanted.options};
    std::array<std::uint8_t, 64U << 10U> piece;
    for (;;) {
        const ssize_t got = ::read(fd, piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw failed("read", opened ? base::visible(wanted.file) : "standard input", errno);
        if (got == 0) return renderer.finish();
        renderer.feed({piece.data(), static_cast<std::size_t>(got)});
    }
}

void write_picture(const render::Receipt& receipt, const std::string& output)
{
    const std::vector<std::uint8_t> png = render::as_png(receipt.picture);
    const std::string_view bytes{reinterpret_cast<const char*>(png.data()), png.size()};
    if (output == "-") {
        if (!base::write_all(STDOUT_FILENO, bytes)) throw failed("write", "standard output", errno);
    } else if (!base::write_file(output, bytes)) {
        throw failed("write", base::visible(output), errno);
    }
}

} // namespace

int render(Arguments args)
{
    Wanted wanted = parse(std::move(args));
    wanted.options.wide_font = render::WideFont::installed();
    const render::Receipt receipt = draw(wanted);
    if (!wanted.output.empty()) write_picture(receipt, wanted.output);
    // For failures that the stream reports without a system call.
    errno = EIO;
    if (wanted.json)
        std::cout << render::as_json(receipt) << '\n';
    else if (wanted.text || wanted.output.empty())
        std::cout << render::as_text(receipt);
    if (!std::cout.flush()) throw failed("write", "standard output", errno);
    return 0;
}

} // namespace agenthost::printer::cli
