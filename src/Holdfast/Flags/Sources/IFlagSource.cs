using Holdfast.Protocols.Flags;

namespace Holdfast.Flags.Sources;

/// <summary>Where flags are read from, in the background. Nobody who evaluates one ever waits for it.</summary>
internal interface IFlagSource
{
    /// <summary>Whether it is to be asked again and again, and no stream of it to be kept open. One that has no stream does not mind.</summary>
    bool PollsOnly { get; set; }

    /// <summary>A document that was kept on the disk, as flags.</summary>
    /// <exception cref="FlagDocumentException">It is none of this provider's.</exception>
    FlagSet Read(byte[] kept);

    /// <summary>Reads for as long as it is let, whatever the provider does.</summary>
    /// <param name="told">Is given what the provider says, each time that it says something else.</param>
    Task RunAsync(Action<FlagNews> told, CancellationToken ct);
}

/// <summary>What a provider said.</summary>
/// <param name="Document">Makes what is kept on the disk, and what <see cref="IFlagSource.Read"/> reads.</param>
internal sealed record FlagNews(FlagSet Flags, Func<byte[]> Document);

/// <summary>An attempt to read that has ended, and when the next one begins.</summary>
/// <param name="Way"><c>poll</c> or <c>stream</c>.</param>
/// <param name="How">How it failed; null when it did not.</param>
internal sealed record FlagRound(string Way, string? How, TimeSpan Next);
