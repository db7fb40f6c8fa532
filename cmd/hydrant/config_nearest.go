package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// unknownKey says what the writer may have meant. There is at least one known key.
func unknownKey(key string, known []string) string {
	slices.Sort(known)
	near := nearest(key, known)
	if distance(key, near) <= max(2, len(key)/3) {
		return fmt.Sprintf("unknown key; did you mean %q?", near)
	}
	return "unknown key; known here are " + strings.Join(known, ", ")
}

// nearest is the known word with the fewest letters to change, the first of several.
func nearest(word string, known []string) string {
	return slices.MinFunc(known, func(a, b string) int { return cmp.Compare(distance(word, a), distance(word, b)) })
}

// distance is Levenshtein's: how many letters to insert, remove or replace to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, above+1, row[j]+1)
			diagonal = above
		}
	}
	return row[len(b)]
}
