#include "receipt_json.hpp"

#include "base/json_writer.hpp"

namespace agenthost::printer::render {

namespace {

std::string_view to_string(TextLine::Kind kind)
{
    switch (kind) {
    case TextLine::Kind::text: return "text";
    case TextLine::Kind::symbol: return "symbol";
    case TextLine::Kind::image: return "image";
    case TextLine::Kind::cut: return "cut";
    }
    return "";
}

std::string_view to_string(Note::Kind kind)
{
    switch (kind) {
    case Note::Kind::drawer: return "drawer";
    case Note::Kind::beep: return "beep";
    case Note::Kind::other: return "other";
    }
    return "";
}

} // namespace

std::string as_json(const Receipt& receipt)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("width", receipt.picture.width()).member("height", receipt.picture.height());
    json.member("clipped", receipt.clipped).array("lines");
    for (const TextLine& line : receipt.lines) {
        json.object().member("kind", to_string(line.kind));
        if (!line.symbology.empty()) json.member("symbology", line.symbology);
        json.member("text", line.text).member("x", line.where.x).member("y", line.where.y);
        json.member("width", line.where.width).member("height", line.where.height).end();
    }
    json.end().array("cuts");
    for (const Cut& cut : receipt.cuts) json.object().member("y", cut.y).member("partial", cut.partial).end();
    json.end().array("notes");
    for (const Note& note : receipt.notes)
        json.object()
            .member("kind", to_string(note.kind))
            .member("y", note.y)
            .member("text", note.text)
            .end();
    json.end().array("warnings");
    for (const Warning& warning : receipt.warnings)
        json.object().member("text", warning.text).member("count", warning.count).end();
    json.end().end();
    return out;
}

} // namespace agenthost::printer::render
