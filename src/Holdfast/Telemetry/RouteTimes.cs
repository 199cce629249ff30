using System.Collections.Concurrent;

namespace Holdfast.Telemetry;

/// <summary>How long requests took, by route, method and status. Bounded by the routes there are: what is none of them is one.</summary>
internal sealed class RouteTimes
{
    private const int MostSeries = 2000;

    /// <summary>Upper bounds in seconds, as the semantic conventions for HTTP advise, and two below for what is served from memory.</summary>
    public static readonly double[] Bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

    private readonly ConcurrentDictionary<(string Route, string Method, int Status), Series> _series = new();
    private int _count;

    public void Note(string route, string method, int status, TimeSpan took)
    {
        var key = (route, method, status);
        if (!_series.TryGetValue(key, out var series))
        {
            if (Interlocked.Increment(ref _count) > MostSeries)
            {
                return;
            }
            series = _series.GetOrAdd(key, _ => new Series());
        }
        series.Add(took.TotalSeconds);
    }

    public IEnumerable<Sample> Read() => _series.OrderBy(s => s.Key.Route, StringComparer.Ordinal).ThenBy(s => s.Key.Method, StringComparer.Ordinal).ThenBy(s => s.Key.Status).Select(s =>
    {
        var spread = s.Value.Read();
        return new Sample("http_server_request_duration_seconds", "How long requests took.", true, spread.Counts.Sum(),
            ("http_route", s.Key.Route), ("http_request_method", s.Key.Method), ("http_response_status_code", s.Key.Status.ToString(System.Globalization.CultureInfo.InvariantCulture))) { Times = spread };
    });

    private sealed class Series
    {
        private readonly Lock _gate = new();
        private readonly long[] _counts = new long[Bounds.Length + 1];
        private double _sum;

        public void Add(double seconds)
        {
            var at = 0;
            while (at < Bounds.Length && seconds > Bounds[at])
            {
                at++;
            }
            lock (_gate)
            {
                _counts[at]++;
                _sum += seconds;
            }
        }

        public Spread Read()
        {
            lock (_gate)
            {
                return new Spread([.. _counts], _sum);
            }
        }
    }
}

/// <param name="Counts">One more than <see cref="RouteTimes.Bounds"/>: what is above all of them.</param>
/// <param name="Sum">Seconds.</param>
internal sealed record Spread(IReadOnlyList<long> Counts, double Sum);
