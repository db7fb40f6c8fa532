package main

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The figures of the capacity guide are what its formulas give with the prices that it assumes.
func TestCapacityGuide(t *testing.T) {
	page := readDoc(t, "../../docs/operations.md")
	price := func(of string) float64 {
		m := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(of) + `.* \| ([0-9.]+) \|$`).FindStringSubmatch(page)
		if m == nil {
			t.Fatalf("the guide assumes no price of %s", of)
		}
		usd, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return usd
	}
	const (
		hours  = 730.0
		month  = 20e6 * 3600 * hours / 1e12 // TB
		outage = 20e6 * 3600 * 4 * 0.4 / 0.8
		halves = 1e-9 // halves of a cent, which binary fractions only come near to, go up
	)
	terabytes := math.Round(month*10) / 10
	disk := math.Round((outage + 768<<20) / 1e9)
	node, balancer := 3*hours*price("an hour of c6a.large"), hours*price("an hour of a network load balancer")+terabytes*1000*price("a GB through it")
	puts := terabytes * math.Ceil(1e12/(128<<20)) / 1000 * price("1,000 PUTs")
	disks := math.Ceil(disk*1.5) * price("a GB of gp3")
	hydrant := node + disks + puts + balancer
	firehose := func(record float64) float64 { // a TB
		return 1e12 / (1 << 30) * price("a GB through Firehose") * 5120 * math.Ceil(record/5120) / record
	}
	for _, want := range []string{
		fmt.Sprintf("= %.1f TB a month", month),
		fmt.Sprintf("+ 0.8 GB = %.0f GB", disk),
		fmt.Sprintf("(%s PUTs a TB at 128 MiB", grouped(math.Ceil(1e12/(128<<20)))),
		fmt.Sprintf("⌈ 0.1 × 19.3 / 1.2 ⌉ + 1 = %.0f.", math.Ceil(0.1*19.3/(2*0.6))+1),
		fmt.Sprintf("| %.2f |\n| gp3 disks", node+halves),
		fmt.Sprintf("| %.2f |\n| PUTs", disks),
		fmt.Sprintf("| %.2f |\n| network load balancer", puts+halves),
		fmt.Sprintf("| %.2f |\n| **Hydrant**", balancer+halves),
		fmt.Sprintf("**%.2f a TB**; without that balancer %.2f, **%.2f a TB** | %.2f |", hydrant/terabytes, hydrant-balancer, (hydrant-balancer)/terabytes, hydrant),
		fmt.Sprintf("**%.2f a TB** | %s", firehose(1024), grouped(firehose(1024)*terabytes)),
		fmt.Sprintf("At records of 5 KB Firehose costs %.2f a TB, at 256 bytes %.2f.", firehose(5120), firehose(256)),
		fmt.Sprintf("below some %.1f TB a month (%.2f / %.2f)", (hydrant-balancer)/firehose(1024), hydrant-balancer, firehose(1024)),
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the guide does not say %q", want)
		}
	}
}

// grouped writes a number's thousands as the page does.
func grouped(n float64) string {
	whole := strconv.FormatFloat(math.Floor(n), 'f', 0, 64)
	if len(whole) > 3 {
		whole = whole[:len(whole)-3] + "," + whole[len(whole)-3:]
	}
	return whole
}
