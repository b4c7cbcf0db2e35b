#include "order.hpp"

#include "base/ascii.hpp"
#include "base/base64.hpp"
#include "base/hash.hpp"
#include "base/json_writer.hpp"
#include "base/trim.hpp"
#include "base/utf8.hpp"
#include "wire/json/fields.hpp"

#include <algorithm>

namespace agenthost::hub {

namespace json = wire::json;

namespace {

constexpr std::size_t max_name = 128, max_charset = 40;
constexpr std::string_view bad_name = "\"name\" must be 1 to 128 printable characters",
                           bad_printer =
                               "\"printer\" must be 1 to 128 printable characters: an alias or role, "
                               "VENDOR:PRODUCT in hexadecimal, or IP:PORT";

bool plain(std::string_view text, std::size_t max)
{
    return !text.empty() && text.size() <= max &&
           std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Order wrong(std::string why, std::string code = "INVALID_REQUEST")
{
    Order order;
    order.code = std::move(code);
    order.why = std::move(why);
    return order;
}

// "text/plain; charset=gb18030": the value of a parameter, without quotes.
std::string parameter(std::string_view type, std::string_view wanted)
{
    for (auto at = type.find(';'); at != type.npos; at = type.find(';')) {
        type.remove_prefix(at + 1);
        std::string_view one = base::trim(type.substr(0, type.find(';')));
        const auto equals = one.find('=');
        if (equals == one.npos || base::to_lower(one.substr(0, equals)) != wanted) continue;
        one = base::trim(one.substr(equals + 1));
        if (one.size() >= 2 && one.front() == '"' && one.back() == '"') one = one.substr(1, one.size() - 2);
        return std::string{one};
    }
    return {};
}

bool is_utf8(std::string_view charset)
{
    const std::string name = base::to_lower(charset);
    return name.empty() || name == "utf-8" || name == "utf8" || name == "us-ascii";
}

// Adds text to the parameters; returns the problem, or empty.
std::string add_text(base::JsonWriter& writer, std::string_view text, std::string_view charset)
{
    if (!charset.empty() && !plain(charset, max_charset))
        return "the charset is not a valid name; write for example charset=gb18030";
    if (!is_utf8(charset)) {
        writer.member("data", base::base64(text)).member("encoding", "base64").member("charset", charset);
        return {};
    }
    if (base::utf8_valid_prefix(text) != text.size())
        return "the text is not UTF-8; name its charset: Content-Type: text/plain; charset=windows-1252";
    writer.member("data", text).member("encoding", "text");
    return {};
}

Order read_bytes(const Head& head, std::string_view type, const std::string& body)
{
    Order order;
    base::JsonWriter writer{order.params};
    writer.object();
    if (type == "text/plain") {
        const std::string charset = parameter(head.header("content-type"), "charset");
        if (std::string why = add_text(writer, body, charset); !why.empty()) return wrong(std::move(why));
    } else {
        writer.member("data", base::base64(body)).member("encoding", "base64");
    }
    const auto name = query_value(head.query, "name"), printer = query_value(head.query, "printer");
    if (name && !plain(*name, max_name)) return wrong(std::string{bad_name});
    if (printer && !plain(*printer, max_name)) return wrong(std::string{bad_printer});
    if (name) writer.member("name", *name);
    writer.end();
    order.printer_name = printer.value_or("");
    return order;
}

// One member of a JSON order that is not passed on as it is; returns the problem, or empty.
struct JsonOrder {
    Order order;
    const json::Member *text = nullptr, *data = nullptr, *encoding = nullptr, *charset = nullptr;

    std::string take(const json::Member& m)
    {
        const bool string = m.kind == json::Kind::string;
        if (m.key == "printer") {
            if (string ? !plain(m.text, max_name) : m.kind != json::Kind::object)
                return std::string{bad_printer} + ", or an object such as {\"ip\":\"10.0.0.9\"}";
            (string ? order.printer_name : order.printer) = string ? m.text : m.raw;
            return {};
        }
        for (auto [key, at] : {std::pair{"text", &text}, std::pair{"data", &data},
                               std::pair{"encoding", &encoding}, std::pair{"charset", &charset}}) {
            if (m.key != key) continue;
            if (!string) return "\"" + std::string{key} + "\" must be a string";
            *at = &m;
        }
        if (m.key == "name" && (!string || !plain(m.text, max_name))) return std::string{bad_name};
        return {};
    }

    std::string write(base::JsonWriter& writer) const
    {
        if ((text == nullptr) == (data == nullptr)) return "give either \"text\" or \"data\"";
        if (text != nullptr) {
            if (encoding != nullptr) return "\"encoding\" belongs to \"data\"; leave it out beside \"text\"";
            if (charset != nullptr && !is_utf8(charset->text))
                return "\"text\" is Unicode; in another charset give \"data\" in base64, and \"charset\"";
            return add_text(writer, text->text, {});
        }
        const std::string_view how = encoding == nullptr ? "base64" : encoding->text;
        if (how != "base64") return "\"encoding\" must be base64; give text as \"text\"";
        if (!base::from_base64(data->text))
            return "\"data\" is not valid base64; encode the bytes with the alphabet of RFC 4648, 4";
        writer.member("data", data->text).member("encoding", "base64");
        if (charset == nullptr) return {};
        if (!plain(charset->text, max_charset))
            return "\"charset\" is not a valid name; write for example gb18030";
        writer.member("charset", charset->text);
        return {};
    }

    [[nodiscard]] bool passes(const json::Member& m) const
    {
        return &m != text && &m != data && &m != encoding && &m != charset && m.key != "printer" &&
               m.key != "id" && m.key != "shopId";
    }
};

} // namespace

Order read_order_json(const std::string& body)
{
    std::string why;
    const auto members = json::split(body, why);
    if (!members) return wrong("the body is not a JSON object: " + why);
    JsonOrder read;
    for (const json::Member& m : *members)
        if (why = read.take(m); !why.empty()) return wrong(std::move(why));
    base::JsonWriter writer{read.order.params};
    writer.object();
    if (why = read.write(writer); !why.empty()) return wrong(std::move(why));
    for (const json::Member& m : *members)
        if (read.passes(m)) wire::write_member(writer, m);
    writer.end();
    return std::move(read.order);
}

Order read_order(const Head& head, const std::string& body)
{
    const std::string_view given = head.header("content-type");
    const std::string type = base::to_lower(base::trim(given.substr(0, given.find(';'))));
    if (type == "application/json") return read_order_json(body);
    if (type == "application/octet-stream" || type == "text/plain") return read_bytes(head, type, body);
    return wrong("Content-Type must be application/octet-stream (ESC/POS), text/plain; charset=..., or "
                 "application/json",
                 "UNSUPPORTED_TYPE");
}

std::string digest_of(const Order& order)
{
    base::Sha256 hash;
    for (const std::string* part : {&order.params, &order.printer, &order.printer_name}) {
        hash.update(std::to_string(part->size()) + ":");
        hash.update(*part);
    }
    return base::hex(hash.finish());
}

bool valid_key(std::string_view key) { return key.empty() || plain(key, 255); }

} // namespace agenthost::hub
