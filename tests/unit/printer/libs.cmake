set(libs "")
foreach(printer_room errors device escpos render content usb network job store service cli)
  if(TARGET agenthost_printer_${printer_room})
    list(APPEND libs agenthost_printer_${printer_room})
  endif()
endforeach()
# It computes: every short sequence of events, and 20,000 random ones.
set_source_files_properties(${dir}/job/machine_test.cpp PROPERTIES COMPILE_OPTIONS -O2)
