using System.Text.Json.Nodes;
using DevCluster.Cel;

namespace DevCluster.Tests;

public sealed class CelTests
{
    [Theory]
    [InlineData("1 + 2 * 3 == 7")]
    [InlineData("(1 + 2) * 3 == 9 && 7 / 2 == 3 && -7 % 2 == -1")]
    [InlineData("self.name.startsWith('al') && self.name.endsWith(\"ce\") && self.name.size() == 5")]
    [InlineData("size(self.list) == 3 && self.list[1] == 2")]
    [InlineData("self.list.all(x, x > 0) && self.list.exists(x, x == 3) && self.list.exists_one(x, x > 2)")]
    [InlineData("self.list.filter(x, x > 1).map(x, x * 2) == [4, 6]")]
    [InlineData("self.list.map(x, x > 1, x) == [2, 3]")]
    [InlineData("has(self.map.a) && !has(self.map.c) && 'a' in self.map && self.map.all(k, self.map[k] > 0)")]
    [InlineData("[has(self.name), has(self.nothing)].exists_one(x, x)")]
    [InlineData("duration('1h30m') > duration('89m') && duration('90s').getMinutes() == 1")]
    [InlineData("timestamp('2026-01-01T00:00:00Z') + duration('24h') == timestamp('2026-01-02T00:00:00Z')")]
    [InlineData("self.name.matches('^[a-z]+$') && !self.name.matches('^[0-9]')")]
    [InlineData("has(self.nothing) ? self.nothing == 1 : true")]
    [InlineData("self.nothing == 1 || true")]
    [InlineData("!(false && self.nothing == 1)")]
    [InlineData("self.?nothing.orValue(5) == 5 && self.?name.hasValue()")]
    [InlineData("'a,b'.split(',') == ['a', 'b'] && ['a', 'b'].join('-') == 'a-b'")]
    [InlineData("quantity('1Gi').isGreaterThan(quantity('1G')) && isQuantity('5m') && !isQuantity('x')")]
    [InlineData("{'x': 1}['x'] == 1 && {'x': 1}.size() == 1")]
    [InlineData("type(self.name) == string && type(1) != type('1')")]
    [InlineData("r'\\d' == '\\\\d' && 'é'.size() == 1")]
    [InlineData("self.list.isSorted() && self.list.sum() == 6 && self.list.max() == 3")]
    public void True_rules_are_true(string rule)
    {
        var self = CelValue.From(JsonNode.Parse("""{"name":"alice","list":[1,2,3],"map":{"a":1,"b":2}}"""), null);
        Assert.Equal(true, CelInterpreter.Evaluate(CelParser.Parse(rule), new Dictionary<string, object?> { ["self"] = self }));
    }

    [Theory]
    [InlineData("self.nothing == 1", "no such key: nothing")]
    [InlineData("1 / 0 == 1", "division by zero")]
    [InlineData("duration('x') == duration('1s')", "invalid duration")]
    [InlineData("'a' + 1 == 'a1'", "no such overload")]
    [InlineData("self.list[7] == 1", "index out of bounds")]
    public void Rules_that_fail_say_why(string rule, string message)
    {
        var self = CelValue.From(JsonNode.Parse("""{"list":[1]}"""), null);
        var error = Assert.Throws<CelEvaluationException>(() => CelInterpreter.Evaluate(CelParser.Parse(rule), new Dictionary<string, object?> { ["self"] = self }));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1 +")]
    [InlineData("self.")]
    [InlineData("(self")]
    [InlineData("'open")]
    [InlineData("self.x y")]
    [InlineData("has(self)")]
    [InlineData("for")]
    public void What_is_no_rule_is_refused(string rule) => Assert.Throws<CelException>(() => CelParser.Parse(rule));
}
