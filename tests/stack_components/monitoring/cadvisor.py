"""The metrics of cAdvisor, as its own library writes them of a container with limits: no package has its image."""

from __future__ import annotations

from infra.paths import cache_folder
from ops.core.process import run
from stack_components.monitoring.exporters import cadvisor_args
from tests.plans import plan_of
from tools.offline.golang import GoMain, ensure_program

_LIMIT_S = 60.0
_OPTION = "--enable_metrics="
# It asks the container from here, and everything else from cAdvisor: which metrics there are, and when they are written.
_SOURCE = r"""
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/google/cadvisor/lib/container"
	"github.com/google/cadvisor/lib/metrics"
	info "github.com/google/cadvisor/lib/model"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
)

type limited struct{}

func (limited) GetRequestedContainersInfo(string, info.RequestOptions) (map[string]*info.ContainerInfo, error) {
	spec := info.ContainerSpec{CreationTime: time.Now(), HasCpu: true, HasMemory: true, HasNetwork: true, HasDiskIo: true}
	spec.Cpu.Quota, spec.Cpu.Period, spec.Memory.Limit = 50000, 100000, 1 << 28
	stats := &info.ContainerStats{Timestamp: time.Now(), Cpu: &info.CpuStats{}, Memory: &info.MemoryStats{}}
	stats.Cpu.Usage.Total = 1
	stats.Network = &info.NetworkStats{Interfaces: []info.InterfaceStats{{Name: "eth0"}}}
	one := &info.ContainerInfo{Spec: spec, Stats: []*info.ContainerStats{stats}}
	one.Name, one.Aliases = "/docker/1", []string{"registry"}
	return map[string]*info.ContainerInfo{one.Name: one}, nil
}

func (limited) GetVersionInfo() (*info.VersionInfo, error) { return &info.VersionInfo{}, nil }

func (limited) GetMachineInfo() (*info.MachineInfo, error) { return &info.MachineInfo{}, nil }

func main() {
	var enabled container.MetricSet
	if err := enabled.Set(os.Args[1]); err != nil {
		panic(err)
	}
	labels := metrics.BaseContainerLabels(nil)
	registry := prometheus.NewRegistry()
	options := info.RequestOptions{IdType: info.TypeName, Count: 1, Recursive: true}
	registry.MustRegister(metrics.NewPrometheusCollector(limited{}, labels, enabled, clock.RealClock{}, options))
	families, err := registry.Gather()
	if err != nil {
		panic(err)
	}
	for _, family := range families {
		fmt.Println(family.GetName())
	}
}
"""


def metrics() -> set[str]:
    """Return the names of the metrics that the pinned cAdvisor writes with the options that it is started with."""
    version = plan_of().images["cadvisor"].version.removeprefix("v")
    program = GoMain("github.com/google/cadvisor/lib", "", version, source=_SOURCE)
    (enabled,) = [word.removeprefix(_OPTION) for word in cadvisor_args().command if word.startswith(_OPTION)]
    return set(run([ensure_program(program, cache_folder("offline")), enabled], timeout=_LIMIT_S).stdout.split())
