namespace Holdfast.Edge;

/// <summary>So much more work may be made of requests: a share of those of the last ten seconds, and a few besides. What would repeat an outage's failures stops itself.</summary>
internal sealed class Budget(double share, int floor, TimeProvider clock)
{
    private const int Seconds = 10;

    private readonly Lock _lock = new();
    private readonly (long Second, int Requests, int Taken)[] _slots = new (long, int, int)[Seconds];

    /// <summary>One request came.</summary>
    public void Count()
    {
        lock (_lock)
        {
            Slot().Requests++;
        }
    }

    /// <summary>Takes one more try, if there is one.</summary>
    public bool TryTake()
    {
        lock (_lock)
        {
            ref var now = ref Slot();
            var second = now.Second;
            var (requests, taken) = (0, 0);
            foreach (var slot in _slots)
            {
                if (second - slot.Second < Seconds)
                {
                    (requests, taken) = (requests + slot.Requests, taken + slot.Taken);
                }
            }
            if (taken >= floor + (share * requests))
            {
                return false;
            }
            now.Taken++;
            return true;
        }
    }

    private ref (long Second, int Requests, int Taken) Slot()
    {
        var second = (clock.GetTimestamp() / clock.TimestampFrequency) + 1;
        ref var slot = ref _slots[second % Seconds];
        if (slot.Second != second)
        {
            slot = (second, 0, 0);
        }
        return ref slot;
    }
}
