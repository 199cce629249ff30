using Holdfast.Storage;

namespace Holdfast.Simulation.Time;

/// <summary>Lanes of a simulated process: work is done one piece at a time, each a little later than it was handed over.</summary>
internal static class Lanes
{
    private static readonly TimeSpan Least = TimeSpan.FromMicroseconds(50);
    private static readonly TimeSpan Most = TimeSpan.FromMilliseconds(2);

    /// <param name="slowness">How much longer than usual a piece takes now.</param>
    /// <param name="worked">Told after each piece.</param>
    public static Func<string, Lane> Of(World world, Life life, Dice dice, Func<double> slowness, Action worked)
    {
        return name =>
        {
            var free = TimeSpan.Zero;
            return new Lane(work =>
            {
                if (life.IsOver)
                {
                    work();   // what closes files after the process's end
                    return;
                }
                var begins = world.Now > free ? world.Now : free;
                free = begins + (dice.Between(Least, Most) * slowness());
                world.InOrder(free - world.Now, life, name, () =>
                {
                    work();
                    worked();
                });
            });
        };
    }
}
