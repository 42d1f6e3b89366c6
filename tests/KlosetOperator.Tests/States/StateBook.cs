using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using KlosetOperator.Api;
using KlosetOperator.Api.Schema;
using KlosetOperator.Runtime.Api;

namespace KlosetOperator.Tests.States;

/// <summary>
/// What `kubectl get` and `kubectl describe` say of a kind, state by state, beside the words that somebody approved. KLOSET_APPROVE=1 writes
/// the file anew.
/// </summary>
/// <param name="file">Below this test project.</param>
internal sealed class StateBook(string file)
{
    private static readonly string[] Told =
    [
        ConditionTypes.Ready, ConditionTypes.Succeeded, ConditionTypes.Protected, ConditionTypes.Complete, ConditionTypes.Running, ConditionTypes.Maintained,
        ConditionTypes.Verified, ConditionTypes.ActionRequired, ConditionTypes.Reconciling, ConditionTypes.Stalled,
    ];

    private const string Health = "   Argo CD: ";

    private readonly StringBuilder _text = new();
    private readonly List<JsonObject> _entities = [];

    public void Write(string state, IKubernetesObject<V1ObjectMeta> entity, IReadOnlyList<V1Condition> conditions, IReadOnlyList<ActionStatus>? actions)
    {
        _text.Append("== ").AppendLine(state);
        var json = (JsonObject)ApiJson.ToNode<object>(entity)!;
        _text.AppendLine(string.Join("  ", Columns(entity.GetType(), json).Select(column => $"{column.Name}={column.Value}")));
        Assert.All(conditions, condition => Assert.Contains(condition.Type, Told));
        foreach (var condition in conditions.OrderBy(condition => Array.IndexOf(Told, condition.Type)))
        {
            _text.AppendLine(CultureInfo.InvariantCulture, $"   {condition.Type,-14} {condition.Status,-7} {condition.Reason}: {condition.Message}");
            Assert.InRange(condition.Message.Length, 1, 1024);
        }

        _text.AppendLine(CultureInfo.InvariantCulture, $"{Health}{{{_entities.Count}}}");
        _entities.Add(json);
        foreach (var action in actions ?? [])
        {
            _text.AppendLine(CultureInfo.InvariantCulture, $"   do: {action.Kind} who={action.Who} url={action.Url} deadline={action.Deadline:yyyy-MM-dd}");
            Assert.False(string.IsNullOrEmpty(action.Message));
        }

        _text.AppendLine();
    }

    public void IsApproved()
    {
        var text = _text.ToString();
        var health = ArgoCdHealth.Of(Path.Combine(Root(), "docs/gitops/argocd/health.lua"), _entities);
        for (var i = 0; i < _entities.Count; i++)
        {
            text = text.Replace($"{Health}{{{i}}}", Health + health?[i], StringComparison.Ordinal);
        }

        var approved = Path.Combine(Root(), "tests/KlosetOperator.Tests", file);
        if (Environment.GetEnvironmentVariable("KLOSET_APPROVE") == "1")
        {
            File.WriteAllText(approved, text);
        }

        if (health is null)
        {
            TestContext.Current.TestOutputHelper?.WriteLine("lua is not on the PATH: what Argo CD makes of the states was not looked at");
            Assert.Equal(WithoutHealth(File.ReadAllText(approved)), WithoutHealth(text));
        }
        else
        {
            Assert.Equal(File.ReadAllText(approved), text);
        }
    }

    private static string WithoutHealth(string text) => string.Join('\n', text.Split('\n').Where(line => !line.StartsWith(Health, StringComparison.Ordinal)));

    private static IEnumerable<(string Name, string Value)> Columns(Type type, JsonObject entity) => type.GetCustomAttributes(typeof(AdditionalPrinterColumnAttribute), false)
        .Cast<AdditionalPrinterColumnAttribute>()
        .Where(column => column.Name is not ("Age" or "Message"))
        .Select(column => (column.Name, At(entity, column.JsonPath)));

    /// <summary>The few forms of JSON paths that our columns have.</summary>
    private static string At(JsonNode? node, string path)
    {
        foreach (var part in path.Replace("[?(@.type==\"", ".?", StringComparison.Ordinal).Replace("\")]", "", StringComparison.Ordinal).Replace("[0]", ".0", StringComparison.Ordinal).Split('.').Skip(1))
        {
            node = (node, part) switch
            {
                (JsonArray list, ['?', .. var type]) => list.FirstOrDefault(item => (string?)item!["type"] == type),
                (JsonArray list, "0") => list.FirstOrDefault(),
                (JsonObject entity, _) => entity[part],
                _ => null,
            };
        }

        return node?.ToString() ?? "";
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "KlosetOperator.sln")))
        {
            folder = folder.Parent;
        }

        return folder.FullName;
    }
}
