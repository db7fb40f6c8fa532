package main

import (
	web "hydrant/gateway/console"
	"hydrant/gateway/ingest"
)

// describing is the right to see a stream: its definition, how it does, and what it could not process.
const describing = "DescribeDeliveryStream"

// viewers lets the owners of API keys look on.
type viewers struct{ node *node }

// Look implements console.Viewers.
func (v viewers) Look(authorization string, does func(sees func(name string) bool)) error {
	return refusal(v.node.gateway.As(describing, authorization, func(by ingest.Caller) error {
		if err := by.MaySome(); err != nil {
			return err
		}
		does(by.MaySee)
		return nil
	}))
}

// MaySee implements console.Viewers.
func (v viewers) MaySee(name, authorization string) error {
	return refusal(v.node.gateway.May(describing, name, authorization))
}

// refusal is what the API answers, as the console says it.
func refusal(err error) error {
	if err == nil {
		return nil
	}
	reason := detail(err).Error()
	if ingest.AsError(err).Code == ingest.AccessDenied {
		reason += ": a rule of their principal in the file of credentials must allow read (or manage), and the node reload it (SIGHUP)"
	}
	return &web.Refusal{Status: ingest.AsError(err).Code.Status(), Reason: reason}
}
