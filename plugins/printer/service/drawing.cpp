#include "drawing.hpp"

#include <boost/asio/post.hpp>

#include <exception>
#include <limits>
#include <utility>

namespace agenthost::printer::service {

namespace {

Content content_of(const Drawing::Make& make)
{
    Content out;
    try {
        return make();
    } catch (const nlohmann::json::exception& e) {
        out.problem =
            problem(code::invalid_request, std::string{"A parameter is of the wrong type: "} + e.what());
    } catch (const std::exception& e) {
        out.problem = {code::internal, e.what()};
    }
    return out;
}

// Each server has one job here at most, so they never have to wait in a bounded place.
constexpr std::size_t no_bound = std::numeric_limits<std::size_t>::max();

} // namespace

Drawing::Drawing(boost::asio::io_context& loop)
    : loop_{loop}, previews_{{.threads = 1, .max_waiting = max_previews}}, jobs_{{.threads = 1,
                                                                                  .max_waiting = no_bound}}
{}

Problem Drawing::preview(const std::string& server, std::function<void(bool stopping)> draw)
{
    const auto place =
        previews_.submit([draw = std::move(draw)](base::Cancel& stop) { draw(stop.is_set()); }, server);
    if (place) return {};
    return {"BUSY",
            "Too many previews are being drawn: " + previews_.no_place(server) + ". Ask again in a moment."};
}

void Drawing::make(const std::string& server, How how, Make make, Made made)
{
    Entries& before = entries_[server];
    before.push_back(std::make_shared<Entry>(Entry{how, std::move(make), std::move(made), {}}));
    if (before.size() == 1) advance(server);
}

// Hands back what is made, until one needs a thread.
void Drawing::advance(const std::string& server)
{
    for (auto found = entries_.find(server); found != entries_.end(); found = entries_.find(server)) {
        const auto entry = found->second.front();
        if (!entry->content) {
            if (entry->how == How::on_a_thread) return draw(server, entry);
            entry->content = content_of(entry->make);
        }
        entry->made(std::move(*entry->content));
        // What was called may have dropped all.
        found = entries_.find(server);
        if (found == entries_.end() || found->second.front() != entry) return;
        found->second.pop_front();
        if (found->second.empty()) entries_.erase(found);
    }
}

void Drawing::draw(const std::string& server, const std::shared_ptr<Entry>& entry)
{
    jobs_.submit(
        [this, server, entry](base::Cancel& stop) {
            if (stop.is_set()) return;
            auto content = std::make_shared<Content>(content_of(entry->make));
            boost::asio::post(loop_, [this, server, entry, content] {
                const auto found = entries_.find(server);
                if (found == entries_.end() || found->second.front() != entry) return; // it was dropped
                entry->content = std::move(*content);
                advance(server);
            });
        },
        server);
}

void Drawing::drop(const Problem& why)
{
    for (auto& [server, entries] : std::exchange(entries_, {}))
        for (const auto& entry : entries) {
            Content none;
            none.problem = why;
            entry->made(std::move(none));
        }
}

} // namespace agenthost::printer::service
