using Holdfast.Resilience;
using Holdfast.Storage;
using Holdfast.Storage.Primary.Remote;
using Holdfast.Storage.Replication;

namespace Holdfast.Peers;

/// <summary>The way to the node that has the primary, over HTTP.</summary>
internal sealed class HttpPrimaryWire(PeerChannel channel, TimeProvider clock) : IPrimaryWire
{
    public const string Path = "/peers/primary/";

    private readonly Dependency _primary = new(Catalogue.PrimaryNode.Of(channel.Address), clock);

    public async Task<PrimaryAnswer> AskAsync(PrimaryQuestion question, CancellationToken ct)
    {
        try
        {
            var (status, body, _) = await channel.AskAsync(_primary, Path + question.Call, question, Replicator.StepDeadline, ct);
            return status switch
            {
                StatusCodes.Status200OK when PeerJson.Read<PrimaryAnswer>(body) is { } answer => answer,
                StatusCodes.Status503ServiceUnavailable when PeerJson.Read<PrimaryRefusal>(body) is { } refusal => throw new PrimaryUnavailableException(refusal.Fault, refusal.Message),
                StatusCodes.Status404NotFound => throw Unreachable($"The node at {channel.Address} has no primary of its own."),
                _ => throw Unreachable($"The node at {channel.Address} answers {status}."),
            };
        }
        catch (DependencyUnavailableException away)
        {
            throw Unreachable(away.How == PeerChannel.Unrecognized
                ? $"The node at {channel.Address}, which has the primary, does not know this one: another cluster key, a clock that is off by minutes, or a life that was declared over."
                : $"The node at {channel.Address}, which has the primary, does not answer.");
        }
    }

    private static PrimaryUnavailableException Unreachable(string text) => new(PrimaryFault.Unreachable, text);
}

/// <summary>Why the node that has the primary cannot use it: the same fault has the same name everywhere.</summary>
internal sealed record PrimaryRefusal(PrimaryFault Fault, string Message);
