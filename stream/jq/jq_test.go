package jq_test

import (
	"fmt"
	"testing"

	"hydrant/stream/jq"
)

func TestTry(t *testing.T) {
	for _, q := range []string{`.a`, `.a+1`, `{b:.a,c:(.x|strftime("%Y"))}`, `[.l[]|select(.>1)]|length`, `.l|map(.*2)|add`, `.s|test("^a.c$")`,
		`.l[1:]|first`, `.l |= map(.+1) | .l[0]`, `.s|gsub("b";"x")`, `"\(.a)-\(.s)"`, `@base64 "x\(.s)"`, `[paths]|length`, `.l[]?`, `to_entries|map(.key)|join(",")`,
		`def f: 1+f; f`, `[limit(3;repeat(1))]|add`, `last(range(1e9))`, `"x"*20000000`, `reduce range(60) as $i ([1];[.,.])|tojson`, `def f:[f];f`, `now`, `$ENV.HOME`, `input`, `.[`, `foo(1)`, `del(.a)|keys|join("")`, `.l += [3] | .l|length`, `.n`, `.l as [$x,$y] | $y`, `try error("x") catch .`, `.q//"d"`, `path(.a.b)|join("/")`} {
		c, err := jq.Compile(q)
		if err != nil {
			fmt.Println(q, "->", err)
			continue
		}
		v, err := jq.Decode([]byte(`{"a":5,"x":1700000000,"l":[1,2,3],"s":"abc","n":9007199254740993}`))
		if err != nil {
			t.Fatal(err)
		}
		v, err = c.Run(v)
		fmt.Printf("%s -> %v %v\n", q, v, err)
	}
}
