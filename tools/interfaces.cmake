# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
#
# Read by CMake right after project() of an interface package (CMAKE_PROJECT_INCLUDE): generate
# for Python alone. C++ would double the time it takes, and nothing here uses it. (Introspection
# stays: Fast DDS reads an action's types by it.)
find_package(ament_cmake REQUIRED)
find_package(rosidl_default_generators REQUIRED)
list(FILTER AMENT_EXTENSIONS_rosidl_generate_idl_interfaces EXCLUDE REGEX "_cpp:")
