namespace Holdfast.Protocols.Tests.Saml;

/// <summary>A seeded sequence (xorshift), so that a failure can be run again.</summary>
internal sealed class Dice(ulong seed)
{
    private ulong _state = (seed * 2654435761) + 88172645463325252;

    public int Roll(int below)
    {
        _state ^= _state << 13;
        _state ^= _state >> 7;
        _state ^= _state << 17;
        return (int)(_state % (ulong)below);
    }
}
