// Finds the printer that a request means. Refuses to guess: of two that fit, neither is taken. Pure.
#pragma once

#include "identity.hpp"

#include "plugins/printer/errors/codes.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace agenthost::printer {

// A request's description of a printer. Members that are 0 or empty are not compared; all others must match.
struct Wanted {
    std::uint16_t vendor = 0, product = 0;
    // `printer`: any name of it (alias, name, former name, port), as people write it.
    std::string alias, serial, port, printer;

    [[nodiscard]] bool anything() const
    {
        return vendor != 0 || product != 0 || !alias.empty() || !serial.empty() || !port.empty() ||
               !printer.empty();
    }
    bool operator==(const Wanted&) const = default;
};

// A printer that can be chosen; network printers have neither vendor, serial nor port.
struct Candidate {
    KnownPrinter known;
    std::uint16_t vendor = 0, product = 0;
    std::string alias, serial;
    bool is_default = false;
};

struct Match {
    // Index of the one that is meant. Without it `problem` is PRINTER_NOT_FOUND or PRINTER_AMBIGUOUS and
    // names the candidates.
    std::optional<std::size_t> found;
    Problem problem;
};

// A request that says nothing means the default printer, or the only one there is.
Match match(const Wanted& wanted, std::span<const Candidate> present);

} // namespace agenthost::printer
