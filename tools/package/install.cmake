# What `cmake --install` puts where, below the prefix:
#   include/medusa/          the headers, with the folders that they have here: "mtl/medusa.h", "tensor/tensor.h"
#   lib/                     libmedusa.a, and libmedusa_programs.a where the programs are built
#   lib/cmake/medusa/        for find_package(medusa)
#   lib/pkgconfig/medusa.pc  for pkg-config
#   libexec/medusa/          the programs: names such as train and compare would clash with others in bin/
#   bin/medusa               calls them: `medusa train --help`
# and the package of `make deb`.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package ${PROJECT_SOURCE_DIR}/tools/package)
set(cmake_folder ${CMAKE_INSTALL_LIBDIR}/cmake/medusa)

set(installed_targets medusa)
set(header_folders tensor autograd nn mtl datasets)
if(MEDUSA_TOOLS)
  list(APPEND installed_targets medusa_programs)
endif()
if(TARGET medusa_cuda)
  list(APPEND header_folders cuda)
endif()
if(MEDUSA_CUDA_MODE STREQUAL "ON")
  set_target_properties(medusa PROPERTIES LINKER_LANGUAGE CXX)  # programs need not know CUDA's compiler
endif()

install(TARGETS ${installed_targets} EXPORT medusa-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT medusa-targets NAMESPACE medusa:: DESTINATION ${cmake_folder})
install(DIRECTORY ${header_folders} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/medusa
  FILES_MATCHING PATTERN "*.h" PATTERN "*.cuh"
  PATTERN tensor/cpu EXCLUDE)  # of the kernels' own files
configure_package_config_file(${package}/medusa-config.cmake.in ${PROJECT_BINARY_DIR}/medusa-config.cmake
  INSTALL_DESTINATION ${cmake_folder} PATH_VARS CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/medusa-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/medusa-config.cmake ${PROJECT_BINARY_DIR}/medusa-config-version.cmake
  ${package}/medusa-cuda.cmake DESTINATION ${cmake_folder})

# pkg-config: a static library's user links what the library needs.
set(pc_requires fmt zlib libpng libjpeg tomlplusplus)
if(TARGET DCMTK::dcmjpls)
  list(APPEND pc_requires dcmtk)
endif()
set(pc_libraries -pthread)
if(MEDUSA_CUDA_MODE STREQUAL "ON")
  list(APPEND pc_libraries -L${CUDAToolkit_LIBRARY_DIR} -lcudart -lcublas)
elseif(MEDUSA_CUDA_MODE STREQUAL "SIM")
  list(APPEND pc_libraries -ldl)
endif()
if(MEDUSA_SANITIZE)
  list(APPEND pc_libraries -fsanitize=${MEDUSA_SANITIZE})
endif()
list(TRANSFORM medusa_interface PREPEND -D OUTPUT_VARIABLE pc_definitions)
list(JOIN pc_requires " " pc_requires)
list(JOIN pc_libraries " " pc_libraries)
list(JOIN pc_definitions " " pc_definitions)
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${package}/medusa.pc.in medusa.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/medusa.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(MEDUSA_TOOLS)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/cli/programs.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/medusa/tools/cli)
  install(TARGETS ${tools} RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/medusa)
  file(RELATIVE_PATH programs_folder /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBEXECDIR}/medusa)
  configure_file(${package}/medusa.sh.in medusa.sh @ONLY)
  install(PROGRAMS ${PROJECT_BINARY_DIR}/medusa.sh DESTINATION ${CMAKE_INSTALL_BINDIR} RENAME medusa)
endif()

# A Debian package with all of it: cpack, or `make deb`.  It depends on what a program linked with the library needs;
# dpkg-shlibdeps adds what the package's own programs need.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME medusa-mtl)  # Debian has a medusa, which is something else
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The medusa project <medusa@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "multi-task learning from medical images: C++ library and programs")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_FILE_NAME medusa-mtl_${PROJECT_VERSION}_${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_CONFLICTS medusa)  # both have /usr/bin/medusa
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libfmt-dev, zlib1g-dev, libpng-dev, libjpeg-dev, libtomlplusplus-dev")
if(TARGET DCMTK::dcmjpls)
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libdcmtk-dev")
endif()
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "g++, cmake, pkg-config")
find_program(dpkg_shlibdeps dpkg-shlibdeps)
mark_as_advanced(dpkg_shlibdeps)
if(dpkg_shlibdeps AND NOT MEDUSA_CUDA_MODE STREQUAL "ON")  # CUDA's libraries may belong to no package
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
endif()
include(CPack)
