using System.Diagnostics.Metrics;
using Holdfast.Flags.Sources;
using Holdfast.Storage.Peers;

namespace Holdfast;

/// <summary>What the node counts, as instruments. Whoever listens reads the same counts that <c>GET /health</c> shows.</summary>
internal static class NodeMeter
{
    public const string Name = "Holdfast";

    public static void Declare(IMeterFactory meters, PeerLinks peers, ProviderFlags flags)
    {
        var meter = meters.Create(Name);
        meter.CreateObservableCounter(
            "holdfast.copies.answers",
            () => new Measurement<long>[]
            {
                new(peers.Copies.AnsweredWithOne, new KeyValuePair<string, object?>("copies", 1)), new(peers.Copies.AnsweredWithMore, new KeyValuePair<string, object?>("copies", 2)),
            },
            "{answer}", "Denies and credentials that were answered, by how many copies there were then.");
        meter.CreateObservableCounter(
            "holdfast.peers.facts_refused",
            () => peers.All.Select(link => new Measurement<long>(link.FactsRefused, new KeyValuePair<string, object?>("peer", link.Peer.Address))),
            "{fact}", "What a peer sent that no honest node sends.");
        meter.CreateObservableCounter(
            "holdfast.flags.evaluations",
            () => flags.Outcomes.Select(o => new Measurement<long>(o.Times, new KeyValuePair<string, object?>("outcome", o.Outcome.ToString()))),
            "{evaluation}", "Flags of the operator's provider that were asked for, by how it ended: anything but Evaluated was a default.");
    }
}
