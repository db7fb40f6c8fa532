// Package manifests holds the Kubernetes manifests to the types of Kubernetes' own API.
package manifests

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

const base = "../../configs/kubernetes"

// kinds are what the base may hold.
var kinds = map[string]func() any{
	"v1 Namespace":                           func() any { return new(core.Namespace) },
	"v1 ServiceAccount":                      func() any { return new(core.ServiceAccount) },
	"v1 Service":                             func() any { return new(core.Service) },
	"apps/v1 StatefulSet":                    func() any { return new(apps.StatefulSet) },
	"policy/v1 PodDisruptionBudget":          func() any { return new(policy.PodDisruptionBudget) },
	"autoscaling/v2 HorizontalPodAutoscaler": func() any { return new(autoscaling.HorizontalPodAutoscaler) },
	"networking.k8s.io/v1 NetworkPolicy":     func() any { return new(networking.NetworkPolicy) },
}

// kustomization is what the base uses of kustomize's file.
type kustomization struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Namespace  string   `json:"namespace"`
	Resources  []string `json:"resources"`
	Labels     []struct {
		Pairs map[string]string `json:"pairs"`
	} `json:"labels"`
	ConfigMapGenerator []struct {
		Name  string   `json:"name"`
		Files []string `json:"files"`
	} `json:"configMapGenerator"`
	Images []struct {
		Name    string `json:"name"`
		NewName string `json:"newName"`
		NewTag  string `json:"newTag"`
	} `json:"images"`
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(base, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// objects decodes every manifest strictly: a key that Kubernetes does not know, or a value of another type, fails.
func objects(t *testing.T) (all []any) {
	t.Helper()
	var k kustomization
	if err := strict.UnmarshalStrict(read(t, "kustomization.yaml"), &k); err != nil {
		t.Fatal(err)
	}
	named := []string{"kustomization.yaml"}
	for _, file := range k.Resources {
		named = append(named, file)
		documents := yaml.NewYAMLReader(bufioReader(read(t, file)))
		for {
			document, err := documents.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			all = append(all, decode(t, file, document))
		}
	}
	for _, generated := range k.ConfigMapGenerator {
		named = append(named, generated.Files...)
	}
	for _, file := range named {
		read(t, file)
	}
	entries, err := os.ReadDir(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(named, e.Name()) {
			t.Errorf("%s is in no resource of the kustomization", e.Name())
		}
	}
	return all
}

func decode(t *testing.T, file string, document []byte) any {
	t.Helper()
	var head struct{ APIVersion, Kind string }
	if err := strict.Unmarshal(document, &head); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	made, known := kinds[head.APIVersion+" "+head.Kind]
	if !known {
		t.Fatalf("%s: this test does not know %s %s", file, head.APIVersion, head.Kind)
	}
	object := made()
	if err := strict.UnmarshalStrict(document, object); err != nil {
		t.Errorf("%s: %v", file, err)
	}
	return object
}

func bufioReader(data []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(data)) }

func find[T any](t *testing.T, all []any) T {
	t.Helper()
	for _, o := range all {
		if found, ok := o.(T); ok {
			return found
		}
	}
	t.Fatalf("there is no %T", *new(T))
	panic("unreachable")
}

// What must fit together does: selectors, ports, volumes, the drain and the time that Kubernetes gives for it.
func TestManifests(t *testing.T) {
	all := objects(t)
	set := find[*apps.StatefulSet](t, all)
	pod := set.Spec.Template
	c := pod.Spec.Containers[0]
	for _, o := range all {
		for _, selector := range selectors(o) {
			for key, value := range selector {
				if pod.Labels[key] != value {
					t.Errorf("%T selects %s=%s, which no pod has", o, key, value)
				}
			}
		}
	}
	if service := set.Spec.ServiceName; !slices.ContainsFunc(all, func(o any) bool {
		s, ok := o.(*core.Service)
		return ok && s.Name == service && s.Spec.ClusterIP == core.ClusterIPNone
	}) {
		t.Errorf("there is no headless service %s", service)
	}
	if target := find[*autoscaling.HorizontalPodAutoscaler](t, all).Spec.ScaleTargetRef; target.Name != set.Name || target.Kind != "StatefulSet" {
		t.Errorf("the autoscaler scales %s %s", target.Kind, target.Name)
	}
	checkPorts(t, all, c)
	checkVolumes(t, set, c)
	checkHardened(t, pod.Spec, c)
	needed := argument(t, c, "--delay") + argument(t, c, "--grace") + 10*time.Second
	if given := time.Duration(*pod.Spec.TerminationGracePeriodSeconds) * time.Second; given < needed {
		t.Errorf("a pod gets %v to stop and needs %v", given, needed)
	}
	notice := time.Duration(c.ReadinessProbe.PeriodSeconds*c.ReadinessProbe.FailureThreshold) * time.Second
	if delay := argument(t, c, "--delay"); delay < 2*notice {
		t.Errorf("a pod serves on for %v; that it is not ready is noticed after %v", delay, notice)
	}
}

func selectors(o any) []map[string]string {
	switch o := o.(type) {
	case *apps.StatefulSet:
		found := []map[string]string{o.Spec.Selector.MatchLabels}
		for _, c := range o.Spec.Template.Spec.TopologySpreadConstraints {
			found = append(found, c.LabelSelector.MatchLabels)
		}
		return found
	case *core.Service:
		return []map[string]string{o.Spec.Selector}
	case *policy.PodDisruptionBudget:
		return []map[string]string{o.Spec.Selector.MatchLabels}
	case *networking.NetworkPolicy:
		return []map[string]string{o.Spec.PodSelector.MatchLabels}
	}
	return nil
}

func checkPorts(t *testing.T, all []any, c core.Container) {
	t.Helper()
	named := map[string]bool{}
	for _, p := range c.Ports {
		named[p.Name] = true
	}
	want := []string{c.LivenessProbe.HTTPGet.Port.StrVal, c.ReadinessProbe.HTTPGet.Port.StrVal, c.StartupProbe.HTTPGet.Port.StrVal}
	for _, o := range all {
		switch o := o.(type) {
		case *core.Service:
			for _, p := range o.Spec.Ports {
				want = append(want, p.TargetPort.StrVal)
			}
		case *networking.NetworkPolicy:
			for _, rule := range o.Spec.Ingress {
				for _, p := range rule.Ports {
					want = append(want, p.Port.StrVal)
				}
			}
		}
	}
	for _, name := range want {
		if !named[name] {
			t.Errorf("no port of the container is called %q", name)
		}
	}
}

func checkVolumes(t *testing.T, set *apps.StatefulSet, c core.Container) {
	t.Helper()
	there := map[string]bool{}
	for _, v := range set.Spec.Template.Spec.Volumes {
		there[v.Name] = true
	}
	for _, v := range set.Spec.VolumeClaimTemplates {
		there[v.Name] = true
	}
	for _, m := range c.VolumeMounts {
		if !there[m.Name] {
			t.Errorf("there is no volume %s", m.Name)
		}
	}
	if kept := set.Spec.PersistentVolumeClaimRetentionPolicy; kept.WhenDeleted != apps.RetainPersistentVolumeClaimRetentionPolicyType || kept.WhenScaled != kept.WhenDeleted {
		t.Errorf("volumes are not kept: %+v", kept)
	}
}

func checkHardened(t *testing.T, pod core.PodSpec, c core.Container) {
	t.Helper()
	s := c.SecurityContext
	if !*pod.SecurityContext.RunAsNonRoot || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || len(s.Capabilities.Drop) != 1 {
		t.Errorf("the container is not hardened: %+v %+v", pod.SecurityContext, s)
	}
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(dockerfile), "USER 65532:65532") || *pod.SecurityContext.RunAsUser != 65532 || *pod.SecurityContext.FSGroup != 65532 {
		t.Error("the pod's user is not the image's")
	}
}

// argument is the value of a flag of the container's command.
func argument(t *testing.T, c core.Container, flag string) time.Duration {
	t.Helper()
	i := slices.Index(c.Args, flag)
	if i < 0 {
		t.Fatalf("the container has no %s", flag)
	}
	d, err := time.ParseDuration(c.Args[i+1])
	if err != nil {
		t.Fatal(err)
	}
	return d
}
