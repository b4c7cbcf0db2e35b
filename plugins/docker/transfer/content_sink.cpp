#include "content_sink.hpp"

#include "plugins/docker/errors/codes.hpp"

namespace agenthost::docker::transfer {

namespace {

std::string bytes(std::uint64_t count) { return std::to_string(count) + " bytes"; }

} // namespace

void network_error(const std::string& what)
{
    const Problem problem = docker::problem(code::network_error, what);
    throw Error{problem.code, problem.message, AGH_E_INTERNAL};
}

template <class Step> bool ContentSink::guarded(Step step)
{
    try {
        step();
        return true;
    } catch (const Error& error) {
        problem_ = error;
        return false;
    }
}

bool ContentSink::begin(std::optional<std::uint64_t> total)
{
    return guarded([&] {
        if (declared_.size && total && *total != *declared_.size)
            network_error("the source has " + bytes(*total) + " instead of the declared " +
                          bytes(*declared_.size));
        if (total) writer_.expect(*total);
    });
}

bool ContentSink::write(const char* data, std::size_t size)
{
    return guarded([&] {
        if (declared_.size && size > *declared_.size - writer_.size())
            network_error("the source sends more than the declared " + bytes(*declared_.size));
        writer_.write({data, size});
        hash_.update(data, size);
    });
}

bool ContentSink::restart()
{
    return guarded([&] {
        writer_.restart();
        hash_.finish();
    });
}

std::string ContentSink::finish()
{
    if (declared_.size && writer_.size() != *declared_.size)
        network_error("the source sent " + bytes(writer_.size()) + " instead of the declared " +
                      bytes(*declared_.size));
    std::string sha256 = base::hex(hash_.finish());
    if (!declared_.sha256.empty() && sha256 != declared_.sha256)
        network_error("the content's SHA-256 is " + sha256 + " instead of the declared " + declared_.sha256);
    return sha256;
}

} // namespace agenthost::docker::transfer
