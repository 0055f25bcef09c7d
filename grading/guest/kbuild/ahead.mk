

# Appended to the kernel's scripts/Makefile.lib: what a module's sources begin with has been read ahead (ahead.sh).
# begins.awk says with which of the headers there a source may begin; a module's own part is kbuild's, and known.
boxwright-ahead := /srv/boxwright-kbuild
boxwright-ask-source = $(shell awk -f /run/boxwright-tools/kbuild/begins.awk $(1))
boxwright-begins = $(if $(filter undefined,$(origin boxwright/$(1))),$(eval boxwright/$(1) := $(call boxwright-ask-source,$(1))))$(boxwright/$(1))
boxwright-header = $(if $(filter %/monitor.mod.c,$<),part,$(if $(filter %/monitor.c,$<),$(call boxwright-begins,$<)))
boxwright-first = $(if $(wildcard $(boxwright-ahead)/$(boxwright-header).h.gch),-include $(boxwright-ahead)/$(boxwright-header).h)
$(eval c_flags = $$(boxwright-first) $(value c_flags))
