namespace KlosetOperator.Tests.Simulation;

/// <summary>Lets everything happen that can without the clock moving.</summary>
internal static class Rest
{
    /// <returns>False when there was nothing to happen.</returns>
    public static bool Reach(IReadOnlyList<SimulatedOperator> operators, SimulatedApi api, SimulatedCluster cluster, Func<string> explain)
    {
        var moved = false;
        for (var i = 0; i < 2000; i++)
        {
            var busy = false;
            foreach (var one in operators)
            {
                foreach (var feed in one.Feeds)
                {
                    while (feed.IsBehind)
                    {
                        feed.Next();
                        busy = true;
                    }
                }

                foreach (var controller in one.Ready)
                {
                    SimulatedOperator.Step(controller);
                    busy = true;
                }
            }

            var version = api.Log.Count;
            cluster.Step();
            busy |= api.Log.Count != version;
            if (!busy)
            {
                return moved;
            }

            moved = true;
        }

        throw new InvalidOperationException("it never comes to rest:\n" + explain());
    }
}
