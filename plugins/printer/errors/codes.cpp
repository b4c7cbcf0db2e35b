#include "codes.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace agenthost::printer {

namespace {

constexpr std::array<CodeRow, 17> table{{
    {code::printer_not_found, "no printer of this node fits the request",
     "Use printer.list for the printers that are present and configured."},
    {code::printer_ambiguous, "several printers fit the request and the plugin does not guess",
     "Name the printer by its alias, or give each one an alias in the configuration."},
    {code::printer_busy, "another program holds the printer",
     "End the program that the message names, or remove the printer's queue from CUPS."},
    {code::printer_offline, "the printer is configured, but it is switched off or does not answer",
     "Check its power, its cable and its network address; the job waits in the queue."},
    {code::permission_denied, "the agent may not open the printer's device node",
     "Install the udev rule that the message names, then plug the printer in again or run udevadm trigger."},
    {code::outcome_unknown, "the job may be on paper, in part or as a whole",
     "Look at the printer; printer.reprint prints it again, marked COPY."},
    {code::address_denied, "a server named a network printer that this node does not allow",
     "Configure the printer under devices, or add its address to allow_addresses."},
    {code::charset_unsupported, "the text's charset is unknown", "Use UTF-8, or a charset that iconv knows."},
    {code::invalid_request, "a parameter is missing or wrong",
     "Correct what the message names, and send it again."},
    {code::too_large, "the job is beyond the size limit of a job",
     "Send a smaller job, or raise max_job_bytes in the plugin's configuration."},
    {code::queue_full, "the printer's queue is full",
     "Wait until jobs are printed, or cancel some; printer.queue lists them."},
    {code::task_not_found, "the plugin has no job with this id",
     "Use printer.queue for the jobs and their ids."},
    {code::cancelled, "the job was cancelled before it was printed", "Nothing needs to be done."},
    {code::disk_full, "the disk that holds the queue is full",
     "Free space on the disk of the plugin's state directory."},
    {code::disk_error, "the disk that holds the queue failed, or cannot be written",
     "Check the disk and its mount on the node (dmesg)."},
    {code::store_damaged, "the queue's database was damaged and replaced by an empty one",
     "Look at the printers for receipts that are missing; the damaged file is kept beside the new one."},
    {code::internal, "the agent failed in a way that has no code of its own",
     "Read the agent's log on the node."},
}};

const CodeRow* row_of(std::string_view code)
{
    const auto row = std::ranges::find(table, code, &CodeRow::code);
    return row == table.end() ? nullptr : &*row;
}

} // namespace

std::span<const CodeRow> code_table() { return table; }

std::string_view remedy_of(std::string_view code)
{
    const CodeRow* row = row_of(code);
    return row ? row->remedy : std::string_view{};
}

Problem problem(const char* code, std::string what)
{
    what += what.ends_with('?') ? " " : ". ";
    what += remedy_of(code);
    return {code, std::move(what)};
}

} // namespace agenthost::printer
