namespace Holdfast.Resilience;

/// <summary>Thrown by a callee that knows better than its exception's type how it failed.</summary>
/// <param name="how">One of <see cref="Trouble"/>, or a word of its own.</param>
public sealed class OutageException(string how, string message, Exception? inner = null) : Exception(message, inner)
{
    public string How { get; } = how;
}
