#include "intake.hpp"

namespace agenthost::docker::console {

void Marker::add(const Item& item)
{
    if (item.kind == Item::Kind::container) {
        mark_.container = item.text;
        mark_.lines = {};
        track_ = {};
        return;
    }
    ++mark_.next;
    if (item.counted) track_.record(item.stamp_ns);
    if (item.stream != Stream::note)
        mark_.lines[item.stream == Stream::err ? 1 : 0] = {item.open, item.stamp_ns};
}

Mark Marker::mark() const
{
    Mark mark = mark_;
    mark.log = track_.position();
    return mark;
}

Intake::Intake(const Mark& mark) : marker_{mark} { batch_.before = mark; }

engine::LogPosition Intake::begin(std::string_view container, bool podman)
{
    podman_ = podman;
    if (container != marker_.container()) add({.kind = Item::Kind::container, .text = container});
    return marker_.log();
}

void Intake::add(const Item& item)
{
    pack(batch_.packed, item);
    marker_.add(item);
    if (item.kind == Item::Kind::entry) ++batch_.entries;
}

void Intake::part(const engine::LogPart& part, const Visit& visit)
{
    Item item;
    item.stream = part.stream == engine::OutputStream::err ? Stream::err : Stream::out;
    item.counted = !part.continues;
    item.stamp_ns = part.stamp_ns;
    item.open = !part.ends_line;
    // Docker's driver `local` drops the line end of the last part of a long line: another stamp is another
    // line. Podman keeps it, and stamps each part separately.
    const auto& line = marker_.line(item.stream);
    item.continues = part.continues || (line.open && (podman_ || line.stamp_ns == part.stamp_ns));
    std::string_view text = part.text;
    do {
        item.text = text.substr(0, max_entry);
        text.remove_prefix(item.text.size());
        item.open = !part.ends_line || !text.empty();
        add(item);
        if (visit) visit(item);
        item.counted = false;
        item.continues = true;
    } while (!text.empty());
}

void Intake::gap(std::int64_t stamp_ns)
{
    add({.stream = Stream::note,
         .stamp_ns = stamp_ns,
         .text = "output is missing here: the log was rotated before the agent had read it"});
}

Batch Intake::take()
{
    Batch out = std::move(batch_);
    batch_ = {.before = marker_.mark(), .entries = 0, .packed = {}};
    return out;
}

} // namespace agenthost::docker::console
